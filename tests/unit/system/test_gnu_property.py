from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.system import gnu_property
from tests.unit.artifact import elves

ISA_NEEDED, FEATURES = 0xC0008002, 0xC0000002


@pytest.mark.parametrize(("bits", "expected"), [(0, 0), (1, 1), (3, 2), (7, 3), (15, 4), (8, 4)])
def test_the_highest_level_that_is_needed_counts(bits: int, expected: int) -> None:
    note = elves.properties((FEATURES, b"\3\0\0\0"), (ISA_NEEDED, bytes([bits, 0, 0, 0])))

    assert gnu_property.level(note) == expected


@given(st.binary(max_size=64))
def test_no_bytes_of_a_note_are_an_error(note: bytes) -> None:
    held = elves.properties((FEATURES, note))[16:] + note

    assert gnu_property._needed(held) >= 0
    assert gnu_property.level(note) >= 0
