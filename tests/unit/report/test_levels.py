"""Rows of values that go over to another level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.report import levels

ROWS = st.lists(st.floats(-100, 100), max_size=40)


def noise(count: int, *, seed: int) -> list[float]:
    """With values that are far off."""
    return [float(each) for each in np.random.default_rng(seed).standard_t(2, count)]


@pytest.mark.parametrize("count", [20, 100])
def test_noise_is_called_another_level_as_rarely_as_is_promised(count: int) -> None:
    found = sum(bool(levels.find(noise(count, seed=seed), doubt=0.05)) for seed in range(400))

    # Of 400 rows 20 at most, on average; more than 36 is a chance of one in ten thousand.
    assert 0 < found <= 36


def test_a_new_level_is_found_near_where_it_begins() -> None:
    for seed in range(30):
        row = noise(60, seed=seed)
        row[30:] = [value + 5 for value in row[30:]]

        assert any(abs(at - 30) <= 3 for at in levels.find(row))


def test_each_of_several_levels_is_found() -> None:
    assert levels.find([1.0] * 20 + [2.0] * 20 + [1.5] * 20) == (20, 40)


def test_one_value_that_is_far_off_is_no_level() -> None:
    assert levels.find([1.0] * 20 + [50.0] + [1.0] * 20) == ()


@pytest.mark.parametrize("row", [[], [1.0], [1.0, 9.0], [1.0] * 7 + [9.0] * 7, [1.0] * 50])
def test_too_few_values_or_equal_ones_tell_nothing(row: list[float]) -> None:
    assert levels.find(row) == ()


@given(st.lists(st.integers(-100, 100), max_size=40))
def test_only_the_order_of_values_counts(row: list[int]) -> None:
    assert levels.find(row) == levels.find([value**3 for value in row])


@given(ROWS, st.floats(0.01, 0.9))
def test_what_is_found_is_in_order_and_within(row: list[float], doubt: float) -> None:
    found = levels.find(row, doubt=doubt)

    assert list(found) == sorted(set(found))
    assert all(0 < at < len(row) for at in found)
