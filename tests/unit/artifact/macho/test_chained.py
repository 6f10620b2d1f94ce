"""The import table of chained fixups, in its three formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import chained
from engine_ci.artifact.macho.imports import MOST, Import, Ordinal
from engine_ci.errors import MachOError
from tests.unit.artifact import machos

NAMES = b"_one\0_two\0"


def found(raw: bytes) -> list[Import]:
    return list(chained.imports(memoryview(raw)))


@pytest.mark.parametrize("form", [1, 2, 3])
def test_imports_are_read_in_each_format(form: int) -> None:
    table = [
        machos.packed(5, ordinal=2, form=form, addend=-1),
        machos.packed(0, ordinal=1, weak=True, form=form),
        machos.packed(5, ordinal=1, form=form),
    ]

    assert found(machos.fixups(*table, names=NAMES, form=form)) == [
        Import("_two", 2, weak=False),
        Import("_one", 1, weak=True),
        Import("_two", 1, weak=False),
    ]


@pytest.mark.parametrize(("form", "highest"), [(1, 0xF0), (2, 0xF0), (3, 0xFFF0)])
def test_the_highest_ordinals_are_special(form: int, highest: int) -> None:
    table = [machos.packed(0, ordinal=each, form=form) for each in (-1, -2, -3, -15, highest)]

    assert [each.ordinal for each in found(machos.fixups(*table, names=NAMES, form=form))] == [
        Ordinal.MAIN_EXECUTABLE,
        Ordinal.FLAT_LOOKUP,
        Ordinal.WEAK_LOOKUP,
        -15,
        highest,
    ]


def test_there_may_be_none() -> None:
    assert found(machos.fixups(names=b"")) == []


ONE = machos.packed(0)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "chained fixups: expected 28 bytes"),
        (machos.fixups(names=b"", version=1), "found 1, 1 and 0"),
        (machos.fixups(names=b"", form=4), "found 0, 4 and 0"),
        (machos.fixups(names=b"", compression=1), "found 0, 1 and 1"),
        (machos.fixups(names=b"", count=0xFFFFFFFF), f"at most {MOST} imports"),
        (machos.fixups(ONE, names=b"_x\0", count=3), "chained imports: expected 12 bytes"),
        (machos.fixups(ONE, names=b"_x\0")[:28], "chained imports: expected 4 bytes"),
        (machos.fixups(names=b"")[:20] + bytes(8), "found 0, 0 and 0"),
        (machos.fixups(ONE, names=b"_x"), "a name that ends"),
        (machos.fixups(ONE, names=b""), "a name that ends"),
        (machos.fixups(machos.packed(9), names=b"_x\0"), "no name begins at byte 9"),
        (machos.fixups(machos.packed(1), names=b"_x\0"), "no name begins at byte 1"),
    ],
)
def test_a_damaged_table_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        found(raw)


def test_a_pool_outside_is_refused() -> None:
    header = chained.HEADER.read(memoryview(machos.fixups(names=b"")), 0, what="x")

    with pytest.raises(MachOError, match="names of chained imports: expected 0 bytes at byte 99"):
        found(chained.HEADER.pack(header._replace(symbols_offset=99)))


@given(st.lists(st.text("abcdef_", min_size=1), max_size=50))
def test_all_names_of_a_pool_are_found(names: list[str]) -> None:
    pool = b"".join(name.encode() + b"\0" for name in names)
    offsets = [sum(len(name) + 1 for name in names[:number]) for number in range(len(names))]

    assert [
        each.name for each in found(machos.fixups(*map(machos.packed, offsets), names=pool))
    ] == names
