"""Images for Windows that were linked twice, and what differs then."""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import pe_volatile, volatile
from engine_ci.errors import VerificationError
from tests.unit.artifact import pes

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = 64
DIRECTORY = HEADER + 24 + 112  # of the data directories, the first
FILE, MEMORY = 0x200, 0x1000  # where the one section begins
CODE_VIEW, POGO, REPRODUCIBLE = 2, 13, 16


def linked(
    *,
    time: int = 1,
    checksum: int = 2,
    guid: bytes = b"g" * 16,
    digest: bytes = b"h" * 36,
    code: bytes = b"\xc3" * 16,
    kinds: tuple[int, int, int] = (CODE_VIEW, POGO, REPRODUCIBLE),
    exports: tuple[str, ...] = ("ggml_backend_init",),
    count: int = 3,
) -> bytes:
    """An image as Visual C++ leaves it, with three kinds of debug information."""
    named = b"RSDS" + guid + struct.pack("<I", 1) + b"C:\\llama.pdb\0"
    pogo = b"GCTL" + b"p" * 28
    infos = (named, pogo, digest)
    plain = pes.image(needed=("a.dll",), exports=exports, tail=code)
    begin = MEMORY + len(plain) - FILE
    places = [begin + 3 * 28 + sum(map(len, infos[:number])) for number in range(3)]
    table = b"".join(
        struct.pack("<IIHHIIII", 0, time, 0, 0, kind, len(info), place, place - MEMORY + FILE)
        for kind, info, place in zip(kinds, infos, places, strict=True)
    )
    tail = code + table + b"".join(infos)
    content = bytearray(pes.image(needed=("a.dll",), exports=exports, tail=tail))
    struct.pack_into("<I", content, HEADER + 8, time)
    struct.pack_into("<I", content, HEADER + 88, checksum)
    struct.pack_into("<II", content, DIRECTORY + 6 * 8, begin, count * 28)
    (exported,) = struct.unpack_from("<I", content, DIRECTORY)
    if exported:
        struct.pack_into("<I", content, exported - MEMORY + FILE + 4, time)
    return bytes(content)


def ranges(content: bytes) -> tuple[range, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "llama.dll")
        path.write_bytes(content)
        return tuple(filter(None, pe_volatile.volatile(path).ranges))


def code(content: bytes) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder, "llama.dll")
        path.write_bytes(content)
        return volatile.code_sha256(path, pe_volatile.volatile(path), commit=None)


@pytest.mark.parametrize("exports", [("ggml_backend_init",), ()])
def test_when_and_under_which_names_it_was_linked_is_no_code(exports: tuple[str, ...]) -> None:
    one = linked(exports=exports)
    other = linked(time=9, checksum=9, guid=b"G" * 16, digest=b"H" * 36, exports=exports)

    assert one != other
    assert code(one) == code(other)


def test_one_byte_of_code_counts() -> None:
    assert code(linked()) != code(linked(code=b"\xc3" * 15 + b"\xc2"))


@given(place=st.integers(0, 1 << 14), bit=st.integers(0, 7))
def test_no_byte_outside_of_what_is_set_aside_can_change_unnoticed(place: int, bit: int) -> None:
    content = linked()
    place %= len(content)
    aside = any(place in each for each in ranges(content))
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    try:
        found = code(bytes(changed))
    except VerificationError:
        return
    assert aside or found != code(content)


def no_code_view() -> bytes:
    return linked().replace(b"RSDS", b"NB10")


def another_kind() -> bytes:
    return linked(kinds=(POGO, POGO, POGO))


def no_hash() -> bytes:
    return linked(digest=b"h" * 65)


def no_entries() -> bytes:
    return linked(count=0)


def entries_beyond_the_end() -> bytes:
    return linked(count=1 << 20)


def elsewhere() -> bytes:
    content = bytearray(linked())
    struct.pack_into("<I", content, DIRECTORY + 6 * 8, 1 << 30)
    return bytes(content)


@pytest.mark.parametrize(
    ("lying", "size"),
    [
        (no_code_view, 4 + 4 + 4 + 3 * 4 + 36),
        (another_kind, 4 + 4 + 4 + 3 * 4),
        (no_hash, 4 + 4 + 4 + 3 * 4 + 20),
        (no_entries, 4 + 4 + 4),
        (elsewhere, 4 + 4 + 4),
    ],
)
def test_what_might_be_more_than_debug_information_counts(
    lying: Callable[[], bytes], size: int
) -> None:
    assert sum(map(len, ranges(linked()))) == 4 + 4 + 4 + 3 * 4 + 20 + 36
    assert sum(map(len, ranges(lying()))) == size


def test_a_table_without_an_end_ends_with_the_file() -> None:
    assert len(ranges(entries_beyond_the_end())) < 3 + 2 * 32


def test_an_id_that_the_file_has_no_room_for_counts() -> None:
    content = bytearray(linked())
    table = struct.unpack_from("<I", content, DIRECTORY + 6 * 8)[0] - MEMORY + FILE
    struct.pack_into("<I", content, table + 16, 8)

    assert sum(map(len, ranges(bytes(content)))) == 4 + 4 + 4 + 3 * 4 + 36
