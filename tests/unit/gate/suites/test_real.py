from __future__ import annotations

import math
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import goldens
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.suites.real import complaint, judge_drift, judge_sense
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from engine_ci.gate.goldens import Step

SANE = "The capital of France is Paris."
ODD = "????????"


@pytest.mark.parametrize("text", [SANE, "Paris", "It is Paris!\n\nParis is a city."])
def test_a_plain_text_with_the_word_is_sane(text: str) -> None:
    assert complaint(text, word="Paris") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("Paris \ufffd", "not plain text"),
        ("Paris\x00", "not plain text"),
        ("Paris Paris Paris Paris", "repeats itself"),
        ("Paris????", "repeats itself"),
        ("The capital of France is Rome.", "does not mention Paris"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text: str, expected: str) -> None:
    assert complaint(text, word="Paris") == expected


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert isinstance(complaint(text, word="Paris"), str)
    assert "mention" not in complaint(text, word=None)


def never() -> NoReturn:
    pytest.fail("the baseline was asked")


def nobody() -> NoReturn:
    raise NotAskedError("there is no baseline that runs")


@pytest.mark.parametrize("word", ["Paris", None])
def test_the_baseline_is_not_asked_where_all_is_well(word: str | None) -> None:
    found = judge_sense([SANE, "Paris"], never, word=word)

    assert (found.status, found.observed) == (Status.PASS, f"{SANE}; Paris")


def test_an_answer_without_the_known_word_fails_whatever_was_before() -> None:
    found = judge_sense([SANE, "It is Rome."], never, word="Paris")

    assert (found.status, found.observed) == (Status.FAIL, "1 of 2 make no sense")
    assert found.detail == "'It is Rome.': does not mention Paris"


def test_a_model_that_no_longer_makes_sense_fails() -> None:
    found = judge_sense([ODD, SANE], lambda: [SANE, SANE], word=None)

    assert found.status is Status.FAIL
    assert found.detail == f"'{ODD}': repeats itself"


def test_a_model_that_never_made_sense_has_not_got_worse() -> None:
    found = judge_sense([ODD, SANE], lambda: [ODD, ""], word=None)

    assert found.status is Status.PASS
    assert found.observed == "1 of 2 make no sense, nor did they with the baseline"


def test_without_a_baseline_nobody_can_tell_whether_it_got_worse() -> None:
    with pytest.raises(NotAskedError):
        judge_sense([ODD], nobody, word=None)


def steps(*probabilities: float, token: int = 5) -> list[Step]:
    return [
        goldens.step([(token, math.log(one)), (token + 1, math.log(1 - one))])
        for one in probabilities
    ]


@pytest.mark.parametrize(
    ("found", "status"),
    [(0.9, Status.PASS), (0.89, Status.PASS), (0.85, Status.WARN), (0.7, Status.FAIL)],
)
def test_a_drift_is_judged_by_its_divergence(found: float, status: Status) -> None:
    expected = [steps(0.9, 0.9)] * 2

    answer = judge_drift(expected, [steps(found, found)] * 2)

    assert answer.status is status
    assert answer.observed.endswith("over 4 steps")
    assert answer.detail == ""


@pytest.mark.parametrize(("margin", "status"), [(0.9, Status.PASS), (1.1, Status.FAIL)])
def test_a_choice_that_led_clearly_is_not_turned_over_by_noise(
    margin: float, status: Status
) -> None:
    rest = [(7 + number, -3.4) for number in range(18)]
    expected = [goldens.step([(5, -1.2), (6, -1.2 - margin), *rest])]
    found = [goldens.step([(6, -1.19), (5, -1.2 - 0.001), *rest])]

    answer = judge_drift([expected, *[steps(0.9)] * 40], [found, *[steps(0.9)] * 40])

    assert answer.status is status
    assert answer.detail == (
        f"parts at step 0: expected token 5, found 6 (margin {margin:.2f} nats)"
    )
