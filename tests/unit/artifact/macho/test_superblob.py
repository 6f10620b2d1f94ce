from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import superblob
from engine_ci.artifact.macho.superblob import (
    EMPTY_CMS,
    EMPTY_REQUIREMENTS,
    SEALED,
    BlobHead,
    Slot,
)
from engine_ci.errors import MachOError


def blob(magic: int, content: bytes = b"") -> bytes:
    return superblob.BLOB_HEAD.pack(BlobHead(magic, 8 + len(content))) + content


PLAIN = blob(1, b"directory")
BUILT = superblob.build(
    {Slot.CODE_DIRECTORY: PLAIN, Slot.REQUIREMENTS: EMPTY_REQUIREMENTS, Slot.CMS: EMPTY_CMS}
)


def changed(offset: int, value: int, raw: bytes = BUILT) -> bytes:
    return raw[:offset] + struct.pack(">I", value) + raw[offset + 4 :]


def test_blobs_stand_behind_the_index_in_the_order_given() -> None:
    blobs = superblob.parse(memoryview(BUILT))

    assert [(each.slot, each.offset, bytes(each.data)) for each in blobs] == [
        (0, 36, PLAIN),
        (2, 53, EMPTY_REQUIREMENTS),
        (0x10000, 65, EMPTY_CMS),
    ]


def test_the_empty_blobs_are_those_of_codesign() -> None:
    assert EMPTY_REQUIREMENTS.hex() == "fade0c010000000c00000000"
    assert EMPTY_CMS.hex() == "fade0b0100000008"


def test_the_first_blob_may_stand_further_behind() -> None:
    built = superblob.build({0: PLAIN}, first=24)

    assert [(each.slot, each.offset) for each in superblob.parse(memoryview(built))] == [(0, 24)]


def test_what_follows_the_container_is_no_part_of_it() -> None:
    assert superblob.parse(memoryview(BUILT + b"old")) == superblob.parse(memoryview(BUILT))


@given(
    st.dictionaries(st.sampled_from([0, *range(8, 16), 0x1000]), st.binary(max_size=40), min_size=1)
)
def test_what_was_built_is_read(contents: dict[int, bytes]) -> None:
    blobs = {slot: blob(7, content) for slot, content in contents.items()}

    read = superblob.parse(memoryview(superblob.build(blobs)))

    assert {each.slot: bytes(each.data) for each in read} == blobs


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "expected 12 bytes at byte 0"),
        (changed(0, 0xFADE0CC1), "expected the magic 0xfade0cc0, found 0xfade0cc1"),
        (changed(8, 0), "1 to 32 blobs, found 0"),
        (changed(8, 0xFFFFFFFF), "1 to 32 blobs, found 4294967295"),
        (changed(8, 32), "index: expected 8 bytes"),
        (changed(4, len(BUILT) + 1), "expected 74 bytes at byte 0, found the end at byte 73"),
        (changed(4, len(BUILT) + 1, BUILT + b"x"), "last blob to end at byte 74, found the end"),
        (changed(12, 2), "two blobs are in one slot"),
        (changed(20, 16), "slot 0x10: it is none that is known"),
        (changed(16, 0xFFFFFFFF), "slot 0x0: expected 8 bytes at byte 4294967295"),
        (changed(40, 18), "slot 0x2 at byte 54, found it at 53"),
        (changed(40, 16), "slot 0x2 at byte 52, found it at 53"),
        (changed(24, 36), "slot 0x2: expected the magic 0xfade0c01, found 0x1"),
        (
            changed(20, 1, superblob.build({0: PLAIN}, first=24)),
            "slot 0x0 at byte 20, found it at 24",
        ),
    ],
)
def test_a_damaged_container_is_refused_for_what_it_is(raw: bytes, reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        superblob.parse(memoryview(raw))


def test_slots_that_are_sealed_hold_no_directory_and_no_certificate() -> None:
    assert not {*SEALED} & {*superblob.DIRECTORIES, Slot.CMS}
