"""Numbers and names, one after the other, never past the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho.cursor import Cursor
from engine_ci.errors import MachOError
from tests.unit.artifact import machos


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_numbers_come_back_in_order(numbers: list[int]) -> None:
    cursor = Cursor(b"".join(map(machos.uleb, numbers)), what="x")

    assert [cursor.uleb() for _ in numbers] == numbers
    with pytest.raises(MachOError, match="found the end"):
        cursor.byte()


def test_names_and_bytes_may_follow_each_other() -> None:
    cursor = Cursor(b"?_one\0\x07two\xff\0", what="x", offset=1)

    assert (cursor.text(), cursor.byte(), cursor.text()) == (b"_one", 7, b"two\xff")


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\xff\xff"])
def test_a_number_that_is_cut_off_is_refused(raw: bytes) -> None:
    with pytest.raises(MachOError, match="x: expected more, found the end"):
        Cursor(raw, what="x").uleb()


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(MachOError, match="64 bits"):
        Cursor(b"\x80" * 100_000, what="x").uleb()


@pytest.mark.parametrize("offset", [0, 3, 1 << 70])
def test_a_name_that_is_cut_off_is_refused(offset: int) -> None:
    with pytest.raises(MachOError, match="found the end at byte 3"):
        Cursor(b"abc", what="x", offset=offset).text()


def test_a_place_far_outside_is_refused() -> None:
    with pytest.raises(MachOError, match="found the end at byte 3"):
        Cursor(b"abc", what="x", offset=1 << 70).byte()
