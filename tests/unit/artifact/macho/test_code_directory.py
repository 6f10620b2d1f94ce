from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import code_directory
from engine_ci.artifact.macho.code_directory import ADHOC, ExecSegment
from engine_ci.errors import MachOError

PAGES = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(3))
CODE = ExecSegment(base=0, limit=0x4000, flags=1)


def built(*, identifier: str = "libggml", special: dict[int, bytes] | None = None) -> bytes:
    return code_directory.build(
        identifier=identifier,
        flags=ADHOC,
        page_size=0x1000,
        code_limit=0x2001,
        special={2: b"r" * 32} if special is None else special,
        pages=PAGES,
        exec_segment=CODE,
    )


def changed(offset: int, value: bytes) -> memoryview:
    raw = built()
    return memoryview(raw[:offset] + value + raw[offset + len(value) :])


def older(version: int, *, head: int, fields: bytes = b"") -> memoryview:
    """A directory whose head is as long as that of another version; no special slots."""
    name = b"old\0"
    begin = head + len(name)
    raw = bytearray(built(special={})[:head].ljust(head, b"\0"))
    raw[44 : 44 + len(fields)] = fields
    raw += name + PAGES
    struct.pack_into(">5I", raw, 4, len(raw), version, ADHOC, begin, head)
    return memoryview(bytes(raw))


def test_a_directory_says_what_was_signed() -> None:
    raw = built()

    found = code_directory.parse(memoryview(raw))

    assert (found.version, found.flags, found.identifier, found.team) == (
        0x20400, ADHOC, "libggml", None,
    )  # fmt: skip
    assert (found.page_size, found.code_limit, found.exec_segment) == (0x1000, 0x2001, CODE)
    assert (found.special, found.pages) == ({2: b"r" * 32}, PAGES)
    assert found.hash_offset == 88 + len("libggml\0") + 64
    assert found.cdhash == hashlib.sha256(raw).hexdigest()[:40]


def test_an_empty_slot_holds_no_hash() -> None:
    raw = built(special={1: b"i" * 32, 5: b"e" * 32})

    assert code_directory.parse(memoryview(raw)).special == {1: b"i" * 32, 5: b"e" * 32}


def test_room_may_stand_before_the_hashes() -> None:
    raw = code_directory.build(
        identifier="a", flags=ADHOC, page_size=0x4000, code_limit=1, special={},
        pages=PAGES[:32], exec_segment=CODE, hash_offset=0x70,
    )  # fmt: skip

    assert (raw[90:0x70], len(raw)) == (bytes(0x70 - 90), 0x70 + 32)
    assert code_directory.parse(memoryview(raw)).hash_offset == 0x70


@given(
    st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30),
    st.dictionaries(st.integers(1, 15), st.binary(min_size=32, max_size=32).filter(any)),
    st.sampled_from([0x1000, 0x4000, 0x10000]),
    st.integers(0, 1 << 18),
)
def test_what_was_built_is_read(
    identifier: str, special: dict[int, bytes], page_size: int, code_limit: int
) -> None:
    pages = b"h" * 32 * code_directory.slots(code_limit, page_size=page_size)

    raw = code_directory.build(
        identifier=identifier, flags=ADHOC, page_size=page_size, code_limit=code_limit,
        special=special, pages=pages, exec_segment=CODE,
    )  # fmt: skip
    found = code_directory.parse(memoryview(raw))

    assert (found.identifier, found.special, found.pages) == (identifier, special, pages)
    assert (found.page_size, found.code_limit) == (page_size, code_limit)


def test_older_versions_have_fewer_fields() -> None:
    found = code_directory.parse(older(0x20001, head=44))

    assert (found.version, found.identifier, found.team) == (0x20001, "old", None)
    assert found.exec_segment == ExecSegment(0, 0, 0)


def test_a_team_is_named() -> None:
    raw = bytes(older(0x20200, head=52, fields=struct.pack(">2I", 0, 52)))

    assert code_directory.parse(memoryview(raw)).team == "old"


def test_a_limit_of_more_than_four_gigabytes_has_its_own_field() -> None:
    fields = struct.pack(">3IQ", 0, 0, 0, 0x2FFF)

    assert code_directory.parse(older(0x20300, head=64, fields=fields)).code_limit == 0x2FFF


@pytest.mark.parametrize(
    ("number", "name", "size"), [(1, "sha1", 20), (3, "sha256", 20), (4, "sha384", 48)]
)
def test_other_kinds_of_hashes_are_read(number: int, name: str, size: int) -> None:
    raw = bytearray(older(0x20001, head=44)[:48]) + b"h" * 3 * size
    raw[36:38] = bytes([size, number])
    struct.pack_into(">I", raw, 4, len(raw))

    found = code_directory.parse(memoryview(bytes(raw)))

    assert (found.algorithm.name, found.algorithm.size, len(found.pages)) == (name, size, 3 * size)
    assert found.cdhash == hashlib.new(name, raw).hexdigest()[:40]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (memoryview(built())[:43], "expected 44 bytes at byte 0"),
        (memoryview(built())[:87], "expected 88 bytes at byte 0"),
        (changed(0, b"\0"), "0xde0c02 is no magic"),
        (changed(8, b"\0\0\0\0"), "expected a version from 0x20001, found 0x0"),
        (changed(8, b"\0\2\xf0\1"), "expected a version from 0x20001, found 0x2f001"),
        (changed(37, b"\5"), "0x5 is no kind of hash"),
        (changed(39, b"\x0b"), "0xb is no power of 2"),
        (changed(24, b"\0\0\0\x10"), "0x10 is no number of special slots"),
        (changed(44, b"\0\0\0\1"), "0x1 is no place of parts signed apart"),
        (changed(20, b"\0\0\0\x57"), "0x57 is no place of the identifier"),
        (changed(16, b"\0\0\0\x57"), "0x57 is no place of the hashes"),
        (changed(36, b"\x14"), "expected 3 hashes of 32 bytes, found 3 of 20"),
        (changed(28, b"\xff\xff\xff\xff"), "expected 3 hashes of 32 bytes, found 4294967295"),
        (changed(32, b"\0\0\x20\0"), "expected 2 hashes of 32 bytes, found 3"),
        (changed(16, b"\0\0\1\0"), "hashes: expected 160 bytes at byte 192"),
        (changed(16, b"\0\0\0\x58\0\0\0\x58\0\0\0\x0f"), "hashes: expected 576 bytes at byte -"),
        (changed(88, b"a\n"), "identifier: the name .* is not readable"),
        (changed(48, b"\0\xff\0\0"), "team: expected a name that ends"),
    ],
)
def test_a_damaged_directory_is_refused_for_what_it_is(raw: memoryview, reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        code_directory.parse(raw)
