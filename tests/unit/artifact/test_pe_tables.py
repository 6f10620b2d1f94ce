"""The tables of PE images, whole and as nobody makes them."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import pe_layout, pe_tables
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


@pytest.mark.parametrize("table", [pe_tables.imports, pe_tables.delayed, pe_tables.exports])
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
    table = {0: pe_tables.exports, 1: pe_tables.imports, 13: pe_tables.delayed}[number]
    content = changed(pes.image(), DIRECTORIES + 8 * number, address, 40)

    with pytest.raises(VerificationError, match=f"leads out of the file, to {address:#x}"):
        names(tmp_path, content, table)


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


def test_exports_are_named(tmp_path: Path) -> None:
    content = pes.image(exports=("?f@@YAXXZ", "g"))

    assert names(tmp_path, content, pe_tables.exports) == ["?f@@YAXXZ", "g"]


@pytest.mark.parametrize(
    ("count", "said"),
    [(3000, "the table of its exports leads out of the file"), (65537, "at most 65536 exports")],
)
def test_more_exports_than_there_are_bytes_or_numbers_are_refused(
    tmp_path: Path, count: int, said: str
) -> None:
    content = changed(pes.image(exports=("f",)), EXPORTS + 24, count)

    with pytest.raises(VerificationError, match=said):
        names(tmp_path, content, pe_tables.exports)


def test_as_many_exports_as_can_be_all_of_one_long_name_take_little_time(tmp_path: Path) -> None:
    name, room = b"a" * 4000 + b"\0", bytes(4 * 65536)
    content = pes.image(exports=("f",), tail=name + room)
    table = len(content) - len(room)
    at = BASE - FILE + table
    content = content[:table] + struct.pack("<I", at - len(name)) * 65536
    content = changed(content, EXPORTS + 24, 65536, 0, at)
    before = time.process_time()

    assert len(names(tmp_path, content, pe_tables.exports)) == 65536

    assert time.process_time() - before < 5
