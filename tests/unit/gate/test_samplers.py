from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import samplers

odds = st.dictionaries(st.integers(0, 99), st.floats(-9, 0), min_size=4, max_size=20)
texts = st.lists(st.integers(0, 2), max_size=9)


def chances(values: samplers.Odds) -> dict[int, float]:
    return {token: math.exp(each) for token, each in values.items()}


@given(odds=odds, temperature=st.floats(0.5, 8))
def test_probabilities_sum_to_one_and_keep_their_order(
    odds: dict[int, float], temperature: float
) -> None:
    cooled = samplers.cooled(odds, temperature)

    assert math.fsum(chances(cooled).values()) == pytest.approx(1)
    first, *_, last = samplers.ordered(odds)
    assert cooled[last] - cooled[first] == pytest.approx((odds[last] - odds[first]) / temperature)


@given(odds=odds)
def test_what_is_left_keeps_its_proportions(odds: dict[int, float]) -> None:
    kept = sorted(odds)[:3]
    left = samplers.only(odds, kept)

    assert left == samplers.without(odds, set(odds) - set(kept))
    assert list(left) == kept
    assert left[kept[0]] - left[kept[1]] == pytest.approx(odds[kept[0]] - odds[kept[1]])


@given(odds=odds, by=st.floats(-5, 5))
def test_a_shift_moves_a_token_against_the_others(odds: dict[int, float], by: float) -> None:
    moved, other, *_ = odds
    left = samplers.shifted(odds, {moved: by})

    assert (left[moved] - left[other]) - (odds[moved] - odds[other]) == pytest.approx(by)


@given(odds=odds, data=st.data())
def test_a_share_takes_all_that_are_kept_and_no_more(
    odds: dict[int, float], data: st.DataObject
) -> None:
    odds = dict(samplers.normalised(odds))
    order = samplers.ordered(odds)[::-1]
    count = data.draw(st.integers(1, len(order)))
    share = samplers.share(odds, order[:count])

    sums = [math.fsum(math.exp(odds[token]) for token in order[:n]) for n in range(len(order) + 1)]
    assert sums[count - 1] < share < sums[count]


def test_where_the_step_is_widest_is_where_to_cut() -> None:
    assert samplers.clearest([9.0, 1.0, 0.9, 0.2, 0.1], among=4) == 3
    assert samplers.clearest([9.0, 8.0, 1.0, 0.5], among=3) == 2
    assert samplers.clearest([9.0, 8.0, 7.9, 1.0, -99.0], among=3) == 3


def test_the_most_typical_token_tells_what_one_tells_on_average() -> None:
    even = samplers.normalised(dict.fromkeys(range(8), 0.0))
    assert samplers.surprise(even) == pytest.approx(dict.fromkeys(range(8), 0.0))

    uneven = samplers.normalised({0: 0.0, 1: -2.0, 2: -9.0})
    entropy = -sum(math.exp(each) * each for each in uneven.values())
    assert samplers.surprise(uneven)[2] == pytest.approx(-uneven[2] - entropy)


def test_the_deviation_is_that_of_the_whole_population() -> None:
    assert samplers.deviation({0: -1.0, 1: -3.0}) == 1.0


def test_what_was_said_often_is_lowered_more() -> None:
    by = samplers.repeated([5, 6, 5], presence_penalty=2.0, frequency_penalty=0.5)

    assert by == {5: -3.0, 6: -2.5}


@given(text=texts)
def test_dry_lowers_what_would_go_on_with_a_repetition(text: list[int]) -> None:
    longest: dict[int, int] = {}
    for end, token in enumerate(text):
        for length in range(1, end + 1):
            if text[end - length : end] == text[len(text) - length :]:
                longest[token] = max(length, longest.get(token, 0))
    expected = {token: -3.0 * 1.5 ** (size - 2) for token, size in longest.items() if size > 1}

    assert samplers.dry(text, dry_multiplier=3.0, dry_base=1.5, dry_allowed_length=2) == expected
