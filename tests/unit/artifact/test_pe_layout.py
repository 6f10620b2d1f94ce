"""PE headers and sections, whole and as nobody makes them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import pe_layout
from engine_ci.errors import VerificationError
from tests.unit.artifact import pes

if TYPE_CHECKING:
    from pathlib import Path

COFF = 64 + 4  # where the headers begin
OPTIONAL = COFF + 20
COUNT = OPTIONAL + 108
SECTION = COUNT + 4 + 16 * 8
BASE = 0x1000  # of the one section, in memory
WHOLE = pes.image(needed=("a.dll",), tail=b"END")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dll"


def changed(place: int, code: str, *values: int) -> bytes:
    content = bytearray(WHOLE)
    struct.pack_into(f"<{code}", content, place, *values)
    return bytes(content)


def sections(*parts: tuple[int, int, int, int]) -> bytes:
    """WHOLE with these sections instead: size in memory, address, size and place in the file."""
    table = b"".join(struct.pack("<8s4I16x", b".text", *part) for part in parts)
    content = bytearray(changed(COFF + 2, "H", len(parts)))
    content[SECTION : SECTION + len(table)] = table
    return bytes(content)


def test_an_image_says_what_it_is_for_and_where_its_tables_are(path: Path) -> None:
    path.write_bytes(pes.image(needed=("a.dll",), machine=pes.ARM64, windows=(6, 2)))

    with pe_layout.opened(path) as layout:
        assert (layout.machine, layout.windows) == (pes.ARM64, (6, 2))
        assert layout.directory(1) == (BASE, 40)
        assert layout.directory(0) == (0, 0)


def test_a_table_that_the_header_has_no_place_for_is_none(path: Path) -> None:
    path.write_bytes(changed(COUNT, "I", 1))

    with pe_layout.opened(path) as layout:
        assert layout.directory(1) == (0, 0)


def test_only_sixteen_tables_count_however_many_there_are_said_to_be(path: Path) -> None:
    path.write_bytes(changed(COUNT, "I", 0xFFFFFFFF))

    with pe_layout.opened(path) as layout:
        assert layout.directory(1) == (BASE, 40)
        assert layout.directory(16) == (0, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ",
        WHOLE[:100],
        WHOLE[: OPTIONAL + 51],
        b"\x7fELF" + bytes(600),
        b"ZM" + WHOLE[2:],
        changed(60, "I", 0xFFFFFFFF),
        changed(64, "I", 0x4550 << 8),
        changed(OPTIONAL, "H", 0x107),
        changed(COFF + 16, "H", 111),
    ],
)
def test_what_is_no_image_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with (
        pytest.raises(VerificationError, match=r"a\.dll: expected a PE image"),
        pe_layout.opened(path),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed(COFF + 16, "H", 239), "its tables are named where its sections are"),
        (changed(COFF + 2, "H", 0), "1 to 96 sections"),
        (changed(COFF + 2, "H", 97), "1 to 96 sections"),
        (WHOLE[: SECTION + 39], "1 to 96 sections"),
        (sections((16, 0x1000, 16, 0x200), (16, 0x100F, 16, 0x200)), "two of its sections lie"),
        (sections((0, 0x1000, 16, 0x200), (16, 0x100F, 16, 0x200)), "two of its sections lie"),
        (sections((16, 0x2000, 16, 0x200), (16, 0x1000, 16, 0x200)), "two of its sections lie"),
        (sections((16, 0x1000, 16, 0x210)), "a section of it begins at byte 0x210"),
    ],
)
def test_headers_that_can_be_read_in_two_ways_are_refused(
    path: Path, content: bytes, said: str
) -> None:
    path.write_bytes(content)

    with pytest.raises(VerificationError, match=said), pe_layout.opened(path):
        pass


def test_bytes_are_found_by_their_address_up_to_the_end_of_their_section(path: Path) -> None:
    end = BASE + len(WHOLE) - 0x200
    path.write_bytes(WHOLE)

    with pe_layout.opened(path) as layout:
        assert layout.at(end - 3, 2) == b"EN"
        assert layout.at(end - 3, 100) == b"END"
        assert layout.at(end, 1) == b""
        assert layout.at(BASE - 1, 1) == b""


def test_a_section_ends_in_memory_or_in_the_file_whichever_comes_first(path: Path) -> None:
    path.write_bytes(sections((2, 0x1000, 4, 0x200), (9, 0x2000, 4, 0x200)))

    with pe_layout.opened(path) as layout:
        assert [layout.at(each, 9) for each in (0x1000, 0x2000)] == [
            WHOLE[0x200:0x202],
            WHOLE[0x200:0x204],
        ]


def test_a_section_without_a_place_in_the_file_has_no_bytes_there(path: Path) -> None:
    path.write_bytes(sections((16, 0x1000, 16, 0)))

    with pe_layout.opened(path) as layout:
        assert layout.at(0x1000, 16) == b""
        assert layout.sections[0].size == 0


def test_a_text_ends_with_a_zero(path: Path) -> None:
    path.write_bytes(pes.image(tail=b"name\0END"))

    with pe_layout.opened(path) as layout:
        end = BASE + path.stat().st_size - 0x200
        assert layout.text(end - 8) == "name"
        with pytest.raises(VerificationError, match="the name b'END' is not readable"):
            layout.text(end - 3)


def test_a_text_that_never_ends_is_left(path: Path) -> None:
    tail = b"a" * 9000 + b"\0"
    path.write_bytes(pes.image(tail=tail))

    with (
        pe_layout.opened(path) as layout,
        pytest.raises(VerificationError, match=r"the name b'a{64}' is not readable"),
    ):
        layout.text(BASE + path.stat().st_size - 0x200 - len(tail))
