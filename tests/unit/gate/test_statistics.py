from __future__ import annotations

from itertools import combinations, combinations_with_replacement, permutations, product
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate.statistics import bound_rank, least_count, shift, trend, walsh_averages

# Steps of 1/64, so that sums and differences are exact and order alone is tested.
NUMBERS = st.integers(-1000, 1000).map(lambda number: number / 64)
SAMPLES = st.lists(NUMBERS, min_size=7, max_size=24)


def brute_force_rank(count: int, confidence: float) -> int:
    """Tries every assignment of signs to the ranks."""
    sums = [
        sum(rank for rank, sign in enumerate(signs, start=1) if sign)
        for signs in product((False, True), repeat=count)
    ]
    rank = 0
    while sum(value <= rank for value in sums) / len(sums) <= 1 - confidence:
        rank += 1
    return rank


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_the_bound_agrees_with_trying_every_assignment_of_signs(
    count: int, confidence: float
) -> None:
    assert bound_rank(count, confidence=confidence) == brute_force_rank(count, confidence)


def test_ranks_are_those_of_the_published_table() -> None:
    # Wilcoxon's table of critical values, one-sided 1 %; our rank is one more.
    published = {7: 0, 8: 1, 10: 5, 12: 9, 15: 19, 20: 43, 25: 76, 30: 120}

    found = {count: bound_rank(count, confidence=0.99) - 1 for count in published}

    assert found == published


@given(SAMPLES, NUMBERS)
def test_moving_every_value_moves_the_estimate_and_the_bounds_alike(
    values: list[float], step: float
) -> None:
    before = shift(values, confidence=0.99)

    after = shift([value + step for value in values], confidence=0.99)

    assert after.estimate == before.estimate + step
    assert (after.low, after.high) == (before.low + step, before.high + step)


@given(SAMPLES)
def test_turning_the_sign_swaps_the_bounds(values: list[float]) -> None:
    before = shift(values, confidence=0.95)

    after = shift([-value for value in values], confidence=0.95)

    assert (after.low, after.estimate, after.high) == (
        -before.high,
        -before.estimate,
        -before.low,
    )


@given(SAMPLES.flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_the_order_of_the_values_does_not_matter(both: tuple[list[float], list[float]]) -> None:
    values, shuffled = both

    assert shift(shuffled, confidence=0.99) == shift(values, confidence=0.99)


@given(SAMPLES)
def test_the_estimate_lies_between_the_bounds_and_more_confidence_widens_them(
    values: list[float],
) -> None:
    narrow, wide = shift(values, confidence=0.9), shift(values, confidence=0.99)

    assert wide.low <= narrow.low <= narrow.estimate <= narrow.high <= wide.high


@given(SAMPLES)
def test_the_estimate_is_the_median_of_all_means_of_two(values: list[float]) -> None:
    means = [(one + other) / 2 for one, other in combinations_with_replacement(values, 2)]

    assert shift(values, confidence=0.99).estimate == median(means)
    assert walsh_averages(values).tolist() == sorted(means)


def test_one_wild_value_of_twelve_hardly_moves_the_estimate() -> None:
    values = [index / 1000 for index in range(-5, 6)]

    quiet = shift([*values, 0.006], confidence=0.99)
    wild = shift([*values, 100.0], confidence=0.99)

    assert abs(wild.estimate - quiet.estimate) < 0.001


@pytest.mark.parametrize(("confidence", "needed"), [(0.5, 1), (0.9, 4), (0.95, 5), (0.99, 7)])
def test_too_few_values_are_refused_with_how_many_are_needed(
    confidence: float, needed: int
) -> None:
    enough = [float(index) for index in range(needed)]

    with pytest.raises(ValueError, match=f"can never .* {confidence}: {needed} are needed"):
        shift(enough[1:], confidence=confidence)

    assert least_count(confidence) == needed
    assert shift(enough, confidence=confidence).low == 0.0


@given(st.floats(0.5, 0.999999))
def test_the_least_count_is_just_enough(confidence: float) -> None:
    count = least_count(confidence)

    assert bound_rank(count, confidence=confidence) >= 1
    assert bound_rank(count - 1, confidence=confidence) == 0


def test_the_centre_lies_beyond_a_bound_as_seldom_as_promised() -> None:
    generator = np.random.default_rng(20261121)
    draws = generator.standard_t(df=3, size=(4000, 12))

    beyond = sum(shift(draw, confidence=0.9).high < 0 for draw in draws)

    # 10 % promised; the standard error of the count is 0.5 %.
    assert 0.07 < beyond / len(draws) <= 0.115


def test_a_line_has_its_slope_without_doubt() -> None:
    found = trend([3.0 + 2 * place for place in range(10)], confidence=0.99)

    assert (found.slope, found.low) == (2.0, 2.0)


@given(st.lists(NUMBERS, min_size=8, max_size=40), NUMBERS)
def test_a_trend_is_between_the_slopes_and_rises_with_what_is_added(
    values: list[float], rise: float
) -> None:
    found = trend(values, confidence=0.99)
    steeper = trend([value + rise * place for place, value in enumerate(values)], confidence=0.99)
    slopes = [
        (values[last] - values[first]) / (last - first)
        for first, last in combinations(range(len(values)), 2)
    ]

    assert found.slope == pytest.approx(median(slopes))
    assert min(slopes) <= found.low <= found.slope
    assert steeper.slope == pytest.approx(found.slope + rise)
    assert steeper.low == pytest.approx(found.low + rise)


@pytest.mark.parametrize("count", [5, 6, 7])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_in_a_random_order_the_bound_is_above_zero_as_seldom_as_promised(
    count: int, confidence: float
) -> None:
    orders = list(permutations(range(count)))

    above = sum(trend(order, confidence=confidence).low > 0 for order in orders) / len(orders)

    assert 0 < above <= 1 - confidence


def test_a_few_wild_values_make_no_trend() -> None:
    wild = [0.0] * 40
    wild[7] = wild[23] = 1e6

    assert trend(wild, confidence=0.99).slope == 0.0


def test_too_few_values_for_a_trend_are_refused() -> None:
    with pytest.raises(ValueError, match=r"4 values can never reach a confidence of 0\.99"):
        trend([1.0, 2.0, 3.0, 4.0], confidence=0.99)
