from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import fat, fat_layout
from engine_ci.errors import MachOError
from tests.unit.artifact import machos

ARM, INTEL = machos.image(), machos.image(cpu=machos.X86_64)


def file(*, alignment: int = 12, wide: bool = False) -> memoryview:
    return memoryview(
        machos.fat(
            (machos.entry(0x8000, ARM)._replace(alignment=alignment), ARM),
            (machos.entry(0x1000, INTEL, cpu=machos.X86_64), INTEL),
            wide=wide,
        )
    )


def test_slices_keep_their_order_in_the_table_and_in_the_file() -> None:
    head, offsets = fat_layout.placed(file(), sizes=[100, 0x1001])

    assert offsets == [0x3000, 0x1000]
    entries = fat.entries(memoryview(head.ljust(0x4000, b"\0")))
    assert [(each.cputype, each.offset, each.size, each.alignment) for each in entries] == [
        (machos.ARM64, 0x3000, 100, 12),
        (machos.X86_64, 0x1000, 0x1001, 12),
    ]


@pytest.mark.parametrize("wide", [False, True])
def test_what_has_its_old_size_stays_where_it_is(*, wide: bool) -> None:
    view = file(alignment=15, wide=wide)

    head, offsets = fat_layout.placed(view, sizes=[len(ARM), len(INTEL)])

    assert offsets == [0x8000, 0x1000]
    assert head == view[: len(head)]


@given(st.integers(0, 15), st.lists(st.integers(0, 1 << 20), min_size=2, max_size=2))
def test_slices_never_overlap_and_stand_where_they_may(alignment: int, sizes: list[int]) -> None:
    head, (arm, intel) = fat_layout.placed(file(alignment=alignment), sizes=sizes)

    assert len(head) <= intel
    assert intel + sizes[1] <= arm
    assert (arm % (1 << alignment), intel % 0x1000) == (0, 0)


def test_an_alignment_beyond_any_is_refused() -> None:
    with pytest.raises(MachOError, match=r"multiples of 2\^15 at most, found 2\^16"):
        fat_layout.placed(file(alignment=16), sizes=[1, 1])


def test_more_than_the_table_can_say_is_refused() -> None:
    with pytest.raises(MachOError, match="at most 4294967296 bytes, found 4294971393"):
        fat_layout.placed(file(), sizes=[0x1001, (1 << 32) - 0x1000])

    _, offsets = fat_layout.placed(file(wide=True), sizes=[0x1001, (1 << 32) - 0x1000])
    assert offsets == [1 << 32, 0x1000]
