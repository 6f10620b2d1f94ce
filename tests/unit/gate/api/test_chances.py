"""What a sampler does wrongly is told in words; what is right is asked of engines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import samplers
from engine_ci.gate.api import chances
from engine_ci.gate.api.chances import After, Case, Chance
from tests.unit.gate.api.asked import KNOWN, Asked, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine_ci.gate.samplers import Odds

    Penalty = Callable[[float, float], float]

HALF = {1: math.log(0.5), 4: math.log(0.5)}


def drawn(token: int, left: Mapping[int, float]) -> After:
    return After(id=token, top_probs=[Chance(id=each, prob=prob) for each, prob in left.items()])


@pytest.mark.parametrize(
    ("token", "left", "told"),
    [
        (1, {1: 0.5, 4: 0.5}, []),
        (4, {1: 0.5001, 4: 0.4999, 3: 0.0}, []),
        (1, {1: 1.0}, ["expected 2 tokens left, found 1: token 4 is left out"]),
        (1, {1: 0.5, 4: 0.4, 2: 0.1}, ["expected 2 tokens left, found 3: token 2 is left"]),
        (1, {1: 0.6, 4: 0.4}, ["token 4: expected probability 0.50000, found 0.40000"]),
        (2, {1: 0.5, 4: 0.5}, ["expected one of 2 tokens drawn, found 2"]),
    ],
)
def test_what_is_left_is_held_against_what_should_be(
    token: int, left: Mapping[int, float], told: list[str]
) -> None:
    assert list(chances._differences(drawn(token, left), HALF)) == told


def token(number: int, *, logprob: float, says: int) -> dict[str, Any]:
    return {"id": number, "logprob": logprob, "bytes": [says]}


@pytest.mark.parametrize(
    ("likely", "told_of"),
    [
        ([token(0, logprob=-1.0, says=65)] * 20, 1),
        ([token(number, logprob=-1.0, says=65) for number in range(20)], 20),
        ([token(number, logprob=-1.0 - number, says=200) for number in range(20)], 0),
        ([token(number, logprob=-99.0 - number, says=65) for number in range(20)], 0),
        ([token(100 + number, logprob=-1.0 - number, says=65) for number in range(20)], 20),
        ([], 0),
    ],
)
def test_odds_that_nothing_can_be_reckoned_from_are_told_of(
    likely: list[dict[str, Any]], told_of: int
) -> None:
    said = {"completion_probabilities": [{"top_logprobs": likely}]}
    client = Asked({"/completion": answer(said)})

    assert list(chances.samplers_of(client, KNOWN)) == [
        f"expected odds of each token that differ, found those of {told_of} tokens"
    ]


def penalty(logit: float, by: float) -> float:
    return logit / by if logit > 0 else logit * by


def none(logit: float, _: float) -> float:
    return logit


def left(logits: Mapping[int, float], case: Case, of_said: Penalty, of_others: Penalty) -> Odds:
    """What an engine leaves of logits that it tells nobody, tokens below 10 said before."""
    bias = dict(case.bias)
    by = case.parameters["repeat_penalty"]
    moved = {
        token: (of_said if token < 10 else of_others)(logit + bias.get(token, 0.0), by)
        for token, logit in logits.items()
        if bias.get(token) is not False
    }
    return samplers.cooled(moved, chances._HOT)


def cases_of(logits: Mapping[int, float]) -> list[Case]:
    odds = samplers.cooled(samplers.normalised(logits), chances._HOT)
    return [case for _, case in chances._dividing(odds, {each for each in logits if each < 10})]


def tokens(first: int, last: int) -> st.SearchStrategy[dict[int, float]]:
    return st.dictionaries(st.integers(first, last), st.floats(-30, 30), min_size=2)


@given(said=tokens(0, 9), others=tokens(10, 99))
def test_what_repeat_penalty_leaves_is_known_without_the_logits(
    said: dict[int, float], others: dict[int, float]
) -> None:
    logits = said | others
    for case in cases_of(logits):
        assert left(logits, case, penalty, none) == pytest.approx(case.expected, abs=1e-9)


@pytest.mark.parametrize(
    ("of_said", "of_others"),
    [
        (none, none),
        (penalty, penalty),
        (lambda logit, by: logit / by, none),
        (lambda logit, by: logit * by, none),
        (lambda logit, by: logit * by if logit > 0 else logit / by, none),
        (lambda logit, by: penalty(logit, by * by), none),
    ],
)
def test_another_penalty_leaves_others(of_said: Penalty, of_others: Penalty) -> None:
    logits = {1: 3.0, 2: -1.0, 3: 0.5, 11: 4.0, 12: 1.0}
    assert any(
        left(logits, case, of_said, of_others) != pytest.approx(case.expected, abs=1e-3)
        for case in cases_of(logits)
    )
