"""Change points: found where there are some, and nowhere else."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.report import shifts
from engine_ci.report.shifts import Shift, Step

QUIET = [Step(size=0.0, sigma=0.01)] * 9
STEPS = st.lists(
    st.builds(
        Step,
        size=st.floats(-1, 1, allow_subnormal=False),
        sigma=st.floats(1e-4, 1),
    ),
    max_size=40,
)


def noise(count: int, *, seed: int) -> list[Step]:
    drawn = np.random.default_rng(seed).standard_normal(count)
    return [Step(size=0.01 * float(each), sigma=0.01) for each in drawn]


def test_of_no_steps_none_moved() -> None:
    assert shifts.find([]) == ()


@pytest.mark.parametrize("count", [1, 20])
def test_noise_is_called_a_move_as_rarely_as_is_promised(count: int) -> None:
    found = sum(bool(shifts.find(noise(count, seed=seed), doubt=0.05)) for seed in range(400))

    # Of 400 chains 20 at most, on average; more than 36 is a chance of one in ten thousand.
    assert 0 < found <= 36


@pytest.mark.parametrize(("at", "errors"), [(0, 8), (5, 8), (19, -8)])
def test_a_build_that_moved_far_beyond_its_noise_is_found_where_it_is(
    at: int, errors: float
) -> None:
    for seed in range(50):
        steps = noise(20, seed=seed)
        steps[at] = Step(size=steps[at].size + errors * 0.01, sigma=0.01)

        assert any(each.first <= at <= each.last for each in shifts.find(steps))


def test_each_of_several_moves_is_found_with_its_size() -> None:
    steps = [*QUIET, Step(size=-0.1, sigma=0.01), *QUIET, Step(size=0.2, sigma=0.01), *QUIET]

    assert shifts.find(steps) == (
        Shift(first=9, last=9, ratio=math.exp(-0.1)),
        Shift(first=19, last=19, ratio=math.exp(0.2)),
    )


def test_a_drift_that_no_single_step_shows_is_found_as_a_whole() -> None:
    drift = [Step(size=-0.015, sigma=0.01)] * 20
    for step in drift:
        assert shifts.find([step]) == ()

    (found,) = shifts.find([*QUIET, *drift, *QUIET])

    assert (found.first, found.last) == (9, 28)
    assert found.ratio == pytest.approx(math.exp(-0.3))


def test_a_noisy_measurement_hides_what_a_quiet_one_shows() -> None:
    assert shifts.find([Step(size=0.05, sigma=0.01)])
    assert not shifts.find([Step(size=0.05, sigma=0.03)])


@given(STEPS)
def test_moves_are_in_order_apart_and_the_sum_of_their_steps(steps: list[Step]) -> None:
    found = shifts.find(steps)

    ends = [end for each in found for end in (each.first, each.last)]
    assert ends == sorted(ends)
    assert all(one.last < other.first for one, other in pairwise(found))
    for each in found:
        moved = sum(step.size for step in steps[each.first : each.last + 1])
        assert each.ratio == pytest.approx(math.exp(moved))


@given(STEPS)
def test_a_chain_told_backwards_moved_as_far_the_other_way(steps: list[Step]) -> None:
    there = shifts.find(steps)
    back = shifts.find([Step(size=-step.size, sigma=step.sigma) for step in steps])

    assert [(each.first, each.last) for each in there] == [(each.first, each.last) for each in back]


@given(STEPS, st.floats(1e-6, 0.5))
def test_who_allows_more_doubt_finds_as_much_at_least(steps: list[Step], doubt: float) -> None:
    if shifts.find(steps, doubt=doubt):
        assert shifts.find(steps, doubt=0.9)
