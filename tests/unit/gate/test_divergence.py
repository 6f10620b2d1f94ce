from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import divergence
from engine_ci.gate.divergence import Drift, Flip


@dataclass(frozen=True)
class Step:
    token: int
    top: tuple[tuple[int, float], ...]


def step(*probabilities: float, tokens: tuple[int, ...] | None = None) -> Step:
    """A step whose listed tokens have these probabilities, best first."""
    names = tokens or tuple(range(len(probabilities)))
    top = tuple(
        (token, math.log(probability))
        for token, probability in zip(names, probabilities, strict=True)
    )
    return Step(token=names[0], top=top)


def distribution(size: int) -> st.SearchStrategy[list[tuple[int, float]]]:
    """The most probable tokens of a vocabulary of 2 * size tokens, best first."""

    def top(weights: list[float]) -> list[tuple[int, float]]:
        total = sum(weights)
        logprobs = [(token, math.log(weight / total)) for token, weight in enumerate(weights)]
        return sorted(logprobs, key=lambda pair: -pair[1])[:size]

    weight = st.floats(min_value=1e-4, max_value=1.0)
    return st.lists(weight, min_size=2 * size, max_size=2 * size).map(top)


@given(distribution(5))
def test_a_distribution_does_not_diverge_from_itself(top: list[tuple[int, float]]) -> None:
    assert divergence.divergence(top, top) == 0.0


@given(distribution(5), distribution(5))
def test_two_distributions_diverge_by_no_negative_finite_number(
    expected: list[tuple[int, float]], found: list[tuple[int, float]]
) -> None:
    assert 0.0 <= divergence.divergence(expected, found) < math.inf


@given(st.floats(min_value=0.01, max_value=0.99), st.floats(min_value=0.01, max_value=0.99))
def test_the_divergence_of_two_complete_coins_is_the_textbook_one(p: float, q: float) -> None:
    expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))

    found = divergence.divergence(
        [(0, math.log(p)), (1, math.log(1 - p))], [(0, math.log(q)), (1, math.log(1 - q))]
    )

    assert found == pytest.approx(expected, abs=1e-9)


def test_lists_that_share_no_token_are_far_apart() -> None:
    found = divergence.divergence(
        step(0.6, 0.3, tokens=(1, 2)).top, step(0.6, 0.3, tokens=(3, 4)).top
    )

    assert found > 0.1


def test_a_token_that_the_other_does_not_list_is_taken_to_be_its_last() -> None:
    expected = step(0.6, 0.3, tokens=(1, 2)).top
    found = step(0.6, 0.2, tokens=(1, 3)).top

    assert divergence.divergence(expected, found) == pytest.approx(
        0.3 * math.log(0.3 / 0.2) + 0.1 * math.log(0.1 / 0.2)
    )


def test_impossible_tokens_keep_the_numbers_finite() -> None:
    certain = [(0, 0.0), (1, -math.inf)]
    other = [(1, 0.0), (0, -math.inf)]

    found = divergence.divergence(certain, other)

    assert 10 < found < math.inf


def test_equal_answers_do_not_drift() -> None:
    answer = [step(0.7, 0.2), step(0.5, 0.4)]

    drift = divergence.compare(answer, answer)

    assert drift == Drift(steps=2, divergence=0.0, mean=0.0, median=0.0, largest=0.0, flip=None)


def test_a_drift_is_the_mean_over_steps_and_tokens() -> None:
    expected = [step(0.5, 0.25), step(0.5, 0.25)]
    found = [step(0.5, 0.25), step(0.5, 0.125)]

    drift = divergence.compare(expected, found)

    assert drift.largest == pytest.approx(math.log(2))
    assert drift.mean == pytest.approx(math.log(2) / 4)
    assert drift.median == 0.0
    assert drift.divergence == pytest.approx(
        divergence.divergence(expected[1].top, found[1].top) / 2
    )


def test_what_follows_a_flip_is_not_compared() -> None:
    expected = [step(0.7, 0.2), step(0.6, 0.3), step(0.7, 0.2)]
    found = [step(0.7, 0.2), step(0.5, 0.4, tokens=(1, 0)), step(0.9, 0.05)]

    drift = divergence.compare(expected, found)

    assert drift.steps == 2
    assert drift.flip == Flip(step=1, expected=0, found=1, margin=math.log(0.6) - math.log(0.3))
    assert drift.largest == pytest.approx(math.log(0.5 / 0.3))


@given(st.floats(min_value=1e-5, max_value=0.05))
def test_a_larger_shift_is_a_larger_drift(shift: float) -> None:
    def moved(by: float) -> Drift:
        return divergence.compare([step(0.5, 0.25)], [step(0.5 - by, 0.25 + by)])

    assert moved(shift).divergence < moved(2 * shift).divergence
    assert moved(shift).mean < moved(2 * shift).mean


def test_step_by_step_the_drift_adds_up_to_that_of_the_answer() -> None:
    expected = [step(0.6, 0.3), step(0.7, 0.2), step(0.5, 0.4)]
    found = [step(0.5, 0.4), step(0.7, 0.2), step(0.45, 0.4)]

    each = divergence.step_by_step(expected, found)
    whole = divergence.compare(expected, found)

    assert len(each) == whole.steps == 3
    assert sum(one.divergence for one in each) / 3 == pytest.approx(whole.divergence)
    assert max(one.largest for one in each) == whole.largest
    assert each[1].largest == 0


def test_step_by_step_nothing_is_compared_after_a_flip() -> None:
    expected = [step(0.6, 0.3), step(0.7, 0.2), step(0.5, 0.4)]
    found = [step(0.6, 0.3), step(0.7, 0.2, tokens=(1, 0)), step(0.5, 0.4)]

    assert len(divergence.step_by_step(expected, found)) == 2


def test_the_least_margin_is_that_of_the_least_sure_token() -> None:
    found = divergence.least_margin([step(0.6, 0.3), step(0.5, 0.4)])

    assert found == pytest.approx(math.log(0.5 / 0.4))
