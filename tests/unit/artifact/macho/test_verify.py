from __future__ import annotations

import random
import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import (
    code_directory,
    commands,
    profile,
    sign,
    signature,
    superblob,
    verify,
)
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.superblob import EMPTY_REQUIREMENTS, BlobHead, Slot
from engine_ci.errors import MachOError
from tests.unit.artifact import machos, signable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.profile import Profile
    from engine_ci.artifact.macho.superblob import Blob

ENTITLEMENTS = superblob.BLOB_HEAD.pack(BlobHead(0xFADE7171, 16)) + b"<plist/>"
FLIPS = 400


def faults(path: Path) -> tuple[str, ...]:
    return signable.verified(path).faults


def flip(path: Path, place: int, bit: int = 1) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        (byte,) = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte ^ bit]))


def blobs(image: Slice) -> tuple[Blob, ...]:
    found = signature.read(image)
    assert found is not None
    return found.blobs


def sealed(path: Path, **other: object) -> None:
    """Signs with the profile of codesign but for some of it."""

    def profiles(images: Sequence[Slice]) -> list[Profile]:
        (image,) = images
        return [replace(profile.codesign(image, identifier="a"), **other)]  # type: ignore[arg-type]

    sign.write(path, path, profiles=profiles)


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    return signable.signed(tmp_path)


def test_a_signed_image_has_no_fault(signed: Path) -> None:
    found = signable.verified(signed)

    assert (found.arch, found.faults) == ("arm64", ())
    assert found.signature is not None
    assert found.signature.directory.identifier == "libggml"


def test_an_image_that_is_not_signed_says_so(tmp_path: Path) -> None:
    (tmp_path / "lib").write_bytes(signable.image())

    found = signable.verified(tmp_path / "lib")

    assert (found.signature, found.faults) == (None, ("it is not signed",))


def test_each_slice_of_a_fat_file_is_judged_by_itself(tmp_path: Path) -> None:
    arm, intel = signable.image(), signable.image(cpu=machos.X86_64)
    path = tmp_path / "fat"
    path.write_bytes(
        machos.fat(
            (machos.entry(0x1000, arm), arm),
            (machos.entry(0x10000, intel, cpu=machos.X86_64), intel),
        )
    )
    sign.rewrite(path, path, identifier="a")
    flip(path, 0x1000 + machos.LINKEDIT_AT)

    found = verify.verify(path)

    assert [each.arch for each in found] == ["arm64", "x86_64"]
    assert [len(each.faults) for each in found] == [1, 0]


def test_a_changed_byte_is_told_with_its_page(signed: Path) -> None:
    flip(signed, machos.LINKEDIT_AT + 0x4000)

    assert faults(signed) == ("the sha256 of page 1 is another (pages of 16384 bytes, from 0)",)


def test_many_changed_pages_are_counted(tmp_path: Path) -> None:
    signed = signable.signed(tmp_path, signable.image(size=10 * 0x4000))
    for page in range(10):
        flip(signed, page * 0x4000 + 0x3FFF)

    assert faults(signed) == (
        (
            "the sha256 of page 0, 1, 2, 3, 4, 5, 6, 7 and 2 others is another "
            "(pages of 16384 bytes, from 0)"
        ),
    )


def test_a_changed_requirement_is_told(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    flip(path, path.read_bytes().index(EMPTY_REQUIREMENTS) + 11)

    assert faults(path) == ("the sha256 of what is in slot 2 is another",)


def test_a_sealed_blob_that_is_gone_is_told(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    sealed(path, special={2: b"r" * 32, 5: b"e" * 32}, sealed={})

    assert faults(path) == (
        "slot 2 is sealed, and nothing is in it",
        "slot 5 is sealed, and nothing is in it",
    )


def test_a_blob_that_nothing_seals_is_told(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    sealed(path, sealed={Slot.ENTITLEMENTS: ENTITLEMENTS}, special={})

    assert faults(path) == ("what is in slot 5 is not sealed",)


def test_the_files_of_an_app_are_not_asked_for(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    sealed(path, special={1: b"i" * 32, 3: b"r" * 32}, sealed={})

    assert faults(path) == ()


def test_an_info_plist_in_the_image_is_sealed_as_well(tmp_path: Path) -> None:
    path = signable.signed(tmp_path, signable.image(plist=b"<plist/>"))
    assert faults(path) == ()

    sealed(path, special={1: b"i" * 32}, sealed={})

    assert faults(path) == ("the sha256 of what is in slot 1 is another",)


def test_code_that_says_neither_ad_hoc_nor_who_signed_it_is_told(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    sealed(path, flags=0)

    assert faults(path) == ("it is neither signed ad hoc nor with a certificate",)


@pytest.mark.parametrize("other", [(0, 0x1001, 0), (1, 0x1000, 0)])
def test_an_executable_part_outside_of_the_text_is_told(
    tmp_path: Path, other: tuple[int, int, int]
) -> None:
    path = signable.signed(tmp_path)
    sealed(path, exec_segment=code_directory.ExecSegment(*other))

    assert faults(path) == (
        f"the executable part is {other[1]} bytes at byte {other[0]}, expected it in __TEXT",
    )


def test_where_there_is_no_text_the_executable_part_is_not_judged(tmp_path: Path) -> None:
    raw = machos.image(
        machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=8), linkedit=bytes(8)
    )

    assert faults(signable.signed(tmp_path, raw)) == ()


def test_another_end_of_the_signed_bytes_is_told(signed: Path) -> None:
    found = signable.verified(signed).signature
    assert found is not None
    raw = bytearray(signed.read_bytes())
    place = found.offset + found.blobs[0].offset + 32
    assert struct.unpack_from(">I", raw, place)[0] == found.offset
    struct.pack_into(">I", raw, place, found.offset - 1)
    signed.write_bytes(raw)

    assert faults(signed) == (
        f"{found.offset - 1} bytes are signed, expected the {found.offset} before the signature",
    )


def test_bytes_behind_the_signature_are_told(signed: Path) -> None:
    size = signed.stat().st_size
    with signed.open("ab") as stream:
        stream.write(b"more")

    assert faults(signed) == (
        (
            f"the signature ends at byte {size}, the last segment at {size} "
            f"and the image at {size + 4}, expected one end"
        ),
    )


def test_every_flipped_bit_of_what_is_signed_is_told(signed: Path) -> None:
    raw = signed.read_bytes()
    found = signable.verified(signed).signature
    assert found is not None
    draw = random.Random(1)
    end = found.offset + found.blobs[-1].offset + len(found.blobs[-1].data)
    for place in draw.sample(range(end), FLIPS):
        bit = 1 << draw.randrange(8)
        flip(signed, place, bit)
        try:
            after = signable.verified(signed)
            cdhash = after.signature and after.signature.cdhash
        except MachOError:
            cdhash = None
        else:
            assert after.faults or cdhash != found.cdhash, (place, bit)
            # What is hashed is told without knowing the directory's own hash.
            assert after.faults or place >= found.offset
        flip(signed, place, bit)
    assert signed.read_bytes() == raw


@given(data=st.data())
def test_a_truncated_or_changed_file_ends_in_one_kind_of_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    signable.signed(path.parent, SMALL).rename(path)
    raw = bytearray(path.read_bytes())
    del raw[data.draw(st.integers(0, len(raw))) :]
    for place in data.draw(st.lists(st.integers(0, max(len(raw) - 1, 0)), max_size=4)):
        raw[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1)) if raw else b""
    path.write_bytes(raw)

    with suppress(MachOError):
        verify.verify(path)
    with suppress(MachOError):
        sign.rewrite(path, path)
        assert signable.verified(path).faults == ()


SMALL = signable.image(size=64)


def test_a_signature_of_which_a_part_is_missing_ends_in_one_kind_of_error(tmp_path: Path) -> None:
    raw = signable.signed(tmp_path, SMALL).read_bytes()
    image = signable.only(raw)
    command = image.one(LC.CODE_SIGNATURE)
    assert command is not None
    record = commands.LINKEDIT.read(image.body(command), 0, what="")
    length = len(superblob.build({blob.slot: bytes(blob.data) for blob in blobs(image)}))
    for size in range(length):
        body = commands.LINKEDIT.pack(record._replace(data_size=size))
        shorter = raw[: command.offset] + body + raw[command.offset + len(body) :]
        with pytest.raises(MachOError):
            signature.read(signable.only(shorter))
