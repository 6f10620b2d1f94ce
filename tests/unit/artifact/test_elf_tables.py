"""ELF's tables, as compilers and as nobody makes them, with LIEF as the second opinion."""

from __future__ import annotations

import importlib
import struct
from pathlib import Path

import lief
import pytest

from engine_ci.artifact import elf, elf_layout, elf_symbols
from engine_ci.errors import VerificationError
from tests.unit.artifact import elves

# Made by GCC and Clang, by several linkers.
REAL = ["numpy._core._multiarray_umath", "numpy.random._generator", "yaml._yaml", "_struct",
        "pydantic_core._pydantic_core"]  # fmt: skip


@pytest.fixture(params=REAL)
def real(request: pytest.FixtureRequest) -> Path:
    file = importlib.import_module(request.param).__file__
    assert file is not None
    return Path(file)


def test_real_images_are_read_as_lief_reads_them(real: Path) -> None:
    oracle = lief.ELF.parse(str(real))
    assert oracle is not None

    found = elf.read(real)

    assert list(found.needed) == oracle.libraries
    assert found.versions == {
        version.name
        for library in oracle.symbols_version_requirement
        for version in library.get_auxiliary_symbols()
    }
    assert found.machine == "x86_64"
    assert not found.executable_stack


def test_every_symbol_that_lief_sees_exported_is_found_and_no_other(real: Path) -> None:
    oracle = lief.ELF.parse(str(real))
    assert oracle is not None

    with elf_layout.opened(real) as layout:
        for symbol in oracle.dynamic_symbols:
            name = str(symbol.name)
            found = elf_symbols.find(layout, name)
            if symbol.exported:
                assert found is not None, name
                assert (found.address, found.size) == (symbol.value, symbol.size)
        assert elf_symbols.find(layout, "no_such_symbol") is None


class Words:
    """An image's memory, made up: what lies where, and the dynamic table."""

    def __init__(self, tags: dict[int, int], memory: dict[int, bytes]) -> None:
        self._tags = tags
        self._memory = memory

    def image(self) -> bytes:
        table = b"".join(struct.pack("<QQ", *each) for each in (*self._tags.items(), (0, 0)))
        start = 0x1000
        size = max((at + len(raw) for at, raw in self._memory.items()), default=0)
        body = bytearray(start + len(table) + size)
        header = b"\x7fELF\x02\x01\x01" + bytes(9)
        header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
        header += struct.pack("<IIQQQQQQ", 1, 6, start + len(table), 0, 0, size, size, 1)
        header += struct.pack("<IIQQQQQQ", 2, 6, start, 0, 0, len(table), len(table), 1)
        body[: len(header)] = header
        body[start : start + len(table)] = table
        for at, raw in self._memory.items():
            place = start + len(table) + at
            body[place : place + len(raw)] = raw
        return bytes(body)


def find(folder: Path, content: bytes, name: str = "x") -> elf_symbols.Symbol | None:
    path = folder / "libtoy.so"
    path.write_bytes(content)
    with elf_layout.opened(path) as layout:
        return elf_symbols.find(layout, name)


STRINGS = b"\0x\0"
SYMTAB, STRTAB = {6: 0x100}, {5: 0x200}
TABLES = {0x100: bytes(24 * 2), 0x200: STRINGS}


def test_without_a_table_of_symbols_or_of_hashes_there_are_no_exports(tmp_path: Path) -> None:
    assert find(tmp_path, Words({}, {}).image()) is None
    assert find(tmp_path, Words(SYMTAB | STRTAB, TABLES).image()) is None


@pytest.mark.parametrize("tag", [4, 0x6FFFFEF5])
def test_a_hash_table_without_buckets_has_no_exports(tmp_path: Path, tag: int) -> None:
    words = Words({tag: 0x10} | SYMTAB | STRTAB, TABLES | {0x10: bytes(16)})

    assert find(tmp_path, words.image()) is None


def test_symbols_in_a_circle_end(tmp_path: Path) -> None:
    circle = struct.pack("<5I", 1, 2, 1, 0, 1)
    words = Words({4: 0x10} | SYMTAB | STRTAB, TABLES | {0x10: circle})

    assert find(tmp_path, words.image()) is None


def test_a_chain_of_hashes_without_an_end_is_left(tmp_path: Path) -> None:
    table = struct.pack("<5I", 1, 1, 0, 0, 1) + bytes(4 * 5000)
    words = Words({0x6FFFFEF5: 0x300} | SYMTAB | STRTAB, TABLES | {0x300: table})

    assert find(tmp_path, words.image()) is None


@pytest.mark.parametrize("tag", [4, 0x6FFFFEF5])
def test_a_table_beyond_the_file_is_refused(tmp_path: Path, tag: int) -> None:
    with pytest.raises(VerificationError, match=r"libtoy\.so: a table of it leads out of the file"):
        find(tmp_path, Words({tag: 1 << 40} | SYMTAB, TABLES).image())


def test_a_list_of_versions_that_ends_early_or_never_ends_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "libtoy.so"
    one = struct.pack("<HHIII", 1, 0xFFFF, 1, 16, 0) + struct.pack("<IHHII", 0, 0, 2, 1, 0)
    for following, count in ((0, 9), (16, 1 << 40)):
        raw = one[:12] + struct.pack("<I", following) + one[16:]
        if following:
            raw = struct.pack("<HHIII", 1, 0, 1, 16, 0xFFFFFFF0)
        tags = {0x6FFFFFFE: 0x10, 0x6FFFFFFF: count}
        path.write_bytes(Words(tags | STRTAB, {0x10: raw, 0x200: STRINGS}).image())
        if following:
            with pytest.raises(VerificationError, match="leads out of the file"):
                elf.read(path)
        else:
            assert elf.read(path).versions == {"x"}


def test_a_relocation_counts_only_where_one_begins(tmp_path: Path) -> None:
    """The address stands in an addend first, and in a relocation after that."""
    path = tmp_path / "libtoy.so"
    symbol = struct.pack("<IBBHQQ", 1, 0x11, 0, 1, 0x300, 8)
    memory = {
        0x10: struct.pack("<4I", 1, 2, 1, 0) + bytes(4),
        0x100: bytes(24) + symbol,
        0x200: STRINGS,
        0x300: bytes(8),
        0x400: struct.pack("<QQq", 0x999, 8, 0x300) + struct.pack("<QQq", 0x300, 8, 0x500),
        0x500: b"words\0",
    }
    tags = {4: 0x10, 7: 0x400} | SYMTAB | STRTAB

    path.write_bytes(Words(tags | {8: 48}, memory).image())
    assert elf.pointed_text(path, "x") == "words"
    path.write_bytes(Words(tags | {8: 24}, memory).image())
    assert elf.pointed_text(path, "x") is None
    path.write_bytes(Words(tags | {8: 1 << 40, 7: 1 << 41}, memory).image())
    assert elf.pointed_text(path, "x") is None


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (4, b"\x01", "expected an ELF image of 64 bit"),
        (5, b"\x02", "expected an ELF image of 64 bit"),
        (54, b"\x20\0", "without program headers"),
        (56, b"\0\0", "without program headers"),
        (32, b"\xff" * 8, "without program headers"),
    ],
)
def test_an_image_that_is_not_laid_out_like_one_is_refused(
    tmp_path: Path, place: int, value: bytes, said: str
) -> None:
    path = tmp_path / "libtoy.so"
    content = elves.image(soname="libtoy.so")
    path.write_bytes(content[:place] + value + content[place + len(value) :])

    with pytest.raises(VerificationError, match=rf"libtoy\.so: .*{said}"):
        elf.read(path)


@pytest.mark.parametrize(("stack", "executable"), [(None, False), (6, False), (7, True)])
def test_a_stack_that_code_runs_from_is_seen(
    tmp_path: Path, stack: int | None, *, executable: bool
) -> None:
    path = tmp_path / "libtoy.so"
    path.write_bytes(elves.image(stack=stack))

    assert elf.read(path).executable_stack is executable


def test_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "libtoy.so"
    path.write_bytes(elves.image(versions=("GLIBC_2.2.5", "GLIBC_2.34")))

    assert elf.read(path).versions == {"GLIBC_2.2.5", "GLIBC_2.34"}
