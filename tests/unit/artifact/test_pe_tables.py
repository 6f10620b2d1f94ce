"""The tables of PE images, whole and as nobody makes them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import pe, pe_layout, pe_tables
from engine_ci.errors import VerificationError
from tests.unit.artifact import pes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine_ci.artifact.pe_layout import Layout

    Table = Callable[[Layout], Iterator[str]]
    Image = Callable[..., bytes]

DIRECTORIES = 64 + 24 + 112  # where the addresses of tables stand
FILE, BASE = 0x200, 0x1000  # where the one section begins, in the file and in memory
EXPORTS = FILE + 20 + 32  # the table, in an image without libraries
NAMES = EXPORTS + 40 + 4  # the addresses of the names of one function
ASKED = ("", "?f@@YAXXZ", "e", "g", "gg", "ggm", "ggml", "ggml_", "h", "z", "\u00e4")
FUNCTION = BASE + 20 + 32 + 40 + 24 + 2  # the name of one, in an image without any tables


def needing(*libraries: str) -> bytes:
    return pes.image(needed=libraries)


def delaying(*libraries: str) -> bytes:
    return pes.image(delayed=libraries)


LIBRARIES = [(pe_tables.imports, needing), (pe_tables.delayed, delaying)]


def names(folder: Path, content: bytes, table: Table) -> list[str]:
    path = folder / "a.dll"
    path.write_bytes(content)
    with pe_layout.opened(path) as layout:
        return list(table(layout))


def changed(content: bytes, place: int, *values: int) -> bytes:
    edited = bytearray(content)
    struct.pack_into(f"<{len(values)}I", edited, place, *values)
    return bytes(edited)


def exports(folder: Path, content: bytes, function: str) -> bool:
    path = folder / "a.dll"
    path.write_bytes(content)
    with pe_layout.opened(path) as layout:
        return pe_tables.exports(layout, function)


@pytest.mark.parametrize("table", [pe_tables.imports, pe_tables.delayed])
def test_an_image_without_a_table_names_nothing(tmp_path: Path, table: Table) -> None:
    assert names(tmp_path, changed(pes.image(), DIRECTORIES + 8, 0, 0), table) == []


@pytest.mark.parametrize(("table", "image"), LIBRARIES)
def test_libraries_are_named_in_their_order_and_case(
    tmp_path: Path, table: Table, image: Image
) -> None:
    content = image("b.dll", "A.dll", "b.dll")

    assert names(tmp_path, content, table) == ["b.dll", "A.dll", "b.dll"]


@pytest.mark.parametrize(("table", "image"), LIBRARIES)
@pytest.mark.parametrize("name", ["a\x1b[2J.dll", "a\n.dll", "\u202egnp.dll", ""])
def test_a_library_without_a_readable_name_is_refused(
    tmp_path: Path, table: Table, image: Image, name: str
) -> None:
    with pytest.raises(VerificationError, match=r"a\.dll: the name .* is not readable"):
        names(tmp_path, image("a.dll", name, "b.dll"), table)


def test_so_is_a_name_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"the name b'\\xff\\xfe\.dll' is not readable"):
        names(tmp_path, pes.image(needed=(b"\xff\xfe.dll",)), pe_tables.imports)


@pytest.mark.parametrize(("table", "image"), LIBRARIES)
def test_more_libraries_than_any_program_has_are_refused(
    tmp_path: Path, table: Table, image: Image
) -> None:
    many = tuple(f"{number}.dll" for number in range(1025))

    assert len(names(tmp_path, image(*many[:-1]), table)) == 1024
    with pytest.raises(VerificationError, match="more than 1024 libraries"):
        names(tmp_path, image(*many), table)


@pytest.mark.parametrize("number", [0, 1, 13])
@pytest.mark.parametrize("address", [1, 0xFFF, 0xFF1000, 0xFFFFFFFF])
def test_a_table_that_lies_nowhere_is_refused(tmp_path: Path, number: int, address: int) -> None:
    path = tmp_path / "a.dll"
    path.write_bytes(changed(pes.image(), DIRECTORIES + 8 * number, address, 40))

    with pytest.raises(VerificationError, match=f"leads out of the file, to {address:#x}"):
        pe.read(path)


def test_a_table_of_libraries_without_an_end_is_refused(tmp_path: Path) -> None:
    tail = struct.pack("<5I", 0, 0, 0, FUNCTION, BASE) * 3
    content = pes.image(tail=tail)
    start = BASE + len(content) - FILE - len(tail)

    with pytest.raises(VerificationError, match="leads out of the file"):
        names(tmp_path, changed(content, DIRECTORIES + 8, start, 20), pe_tables.imports)


def test_a_library_at_which_windows_stops_reading_is_refused(tmp_path: Path) -> None:
    content = changed(pes.image(needed=("a.dll", "b.dll")), FILE + 16, 0)

    with pytest.raises(VerificationError, match="ends for Windows where others read on"):
        names(tmp_path, content, pe_tables.imports)


@pytest.mark.parametrize("count", range(6))
def test_each_export_is_found_and_nothing_else(tmp_path: Path, count: int) -> None:
    names = ("?f@@YAXXZ", "g", "ggml", "h", "\u00e4")[:count]
    content = pes.image(exports=names)

    assert [name for name in ASKED if exports(tmp_path, content, name)] == list(names)


def test_an_image_without_exports_has_none(tmp_path: Path) -> None:
    assert not exports(tmp_path, pes.image(), "")


def test_an_export_without_a_name_that_ends_is_refused(tmp_path: Path) -> None:
    content = pes.image(exports=("f",), tail=b"no end")
    content = changed(content, NAMES, BASE + len(content) - FILE - 6)

    with pytest.raises(VerificationError, match="the name b'no end' is not readable"):
        exports(tmp_path, content, "f")


def test_a_name_as_long_as_visual_c_makes_them_is_passed_over(tmp_path: Path) -> None:
    long = "?" * 4096

    assert exports(tmp_path, pes.image(exports=(long, "f")), "f")


@pytest.mark.parametrize("count", [3000, 0xFFFFFFFF])
def test_exports_beyond_the_file_are_refused_at_once(tmp_path: Path, count: int) -> None:
    content = changed(pes.image(exports=("f",)), EXPORTS + 24, count)

    with pytest.raises(VerificationError, match="a table of it leads out of the file"):
        exports(tmp_path, content, "f")


def test_exports_without_an_order_take_no_longer(tmp_path: Path) -> None:
    content = pes.image(exports=("f",) * 60000)

    assert not exports(tmp_path, content, "e")
    assert not exports(tmp_path, content, "g")
