"""What a sampler does wrongly is told in words; what is right is asked of engines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.gate.api import chances
from engine_ci.gate.api.chances import After, Chance
from tests.unit.gate.api.asked import KNOWN, Asked, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

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
