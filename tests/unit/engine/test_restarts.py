from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.restarts import ONCE, Policy

CRASHES = st.integers(1, 10**9)


@pytest.mark.parametrize(
    ("crashes", "seconds"),
    [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 10), (7, 10), (10**9, 10)],
)
def test_the_wait_doubles_from_half_a_second_to_ten(crashes: int, seconds: float) -> None:
    assert Policy().backoff_s(crashes) == seconds


@given(
    crashes=CRASHES,
    first_s=st.floats(0, 1e308, allow_subnormal=False),
    longest_s=st.floats(0, 1e308, allow_subnormal=False),
)
def test_no_wait_is_longer_than_the_longest(crashes: int, first_s: float, longest_s: float) -> None:
    policy = Policy(first_s=first_s, longest_s=longest_s)

    assert 0 <= policy.backoff_s(crashes) <= longest_s


@given(st.lists(CRASHES, min_size=2).map(sorted))
def test_a_wait_is_never_shorter_than_the_one_before(crashes: list[int]) -> None:
    waits = [Policy().backoff_s(number) for number in crashes]

    assert all(before <= after for before, after in pairwise(waits))


def test_crashes_in_a_row_are_counted() -> None:
    assert Policy().crashes(2, ready_s=59.9) == 3


def test_a_crash_after_a_stable_time_is_the_first() -> None:
    assert Policy().crashes(2, ready_s=60) == 1


def test_the_health_is_asked_for_every_five_seconds() -> None:
    assert Policy().next_check(7.0) == 12.0


def test_of_one_start_nothing_is_asked_and_its_crash_is_the_end() -> None:
    assert ONCE.next_check(7.0) is None
    assert ONCE.budget == 0
