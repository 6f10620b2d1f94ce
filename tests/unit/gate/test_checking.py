from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Never

import pytest

from engine_ci.errors import (
    EngineAnswerError,
    EngineDiedError,
    EngineError,
    EngineStartError,
    HarnessError,
    PinError,
)
from engine_ci.gate import asking
from engine_ci.gate.checking import Answer, NotAskedError, Question, listed
from engine_ci.records.gate import FaultClass, Margins, Status
from tests.unit.gate.contexts import context

if TYPE_CHECKING:
    from engine_ci.records.gate import Check

QUESTION = Question(
    suite="tokens", name="stable/strict", fault_class=FaultClass.NUMERIC, expected="the tokens"
)
WRONG = Answer(status=Status.FAIL, observed="2 differences", detail="case 3")


def never(*_: object) -> Never:
    pytest.fail("asked in vain")


def check_of(error: Exception) -> Check:
    def judge() -> Answer:
        raise error

    return QUESTION.ask(judge)


def test_an_answer_becomes_a_check_of_its_question() -> None:
    margins = Margins(margin=1.5)
    check = QUESTION.ask(
        lambda: Answer(status=Status.WARN, observed="others", detail="case 3", margins=margins)
    )

    assert check.margins == margins
    assert check.id == "tokens/stable/strict"
    assert check.suite == "tokens"
    assert check.status is Status.WARN
    assert check.blocking
    assert check.fault_class is FaultClass.NUMERIC
    assert (check.expected, check.observed, check.detail) == ("the tokens", "others", "case 3")


def test_an_engine_that_does_not_start_for_its_packaging_says_so_whatever_was_asked() -> None:
    log = ("llama-server: error while loading shared libraries: libllama.so.0: file too short",)

    assert check_of(EngineStartError("ended", log=log)).fault_class is FaultClass.PACKAGING
    assert check_of(EngineAnswerError("odd", log=log)).fault_class is FaultClass.NUMERIC


def test_an_error_of_the_engine_fails_the_check_and_shows_its_last_lines() -> None:
    check = check_of(EngineStartError("died of SIGABRT", log=("loading", "free(): invalid")))

    assert check.status is Status.FAIL
    assert check.observed == "died of SIGABRT"
    assert check.detail == "loading\nfree(): invalid"


def test_an_error_of_the_harness_says_nothing_about_the_engine() -> None:
    check = check_of(HarnessError("no port is free"))

    assert check.status is Status.ERROR
    assert check.observed == "no port is free"


def test_who_breaks_a_promise_as_the_baseline_does_is_warned_of() -> None:
    check = QUESTION.ask(lambda: WRONG, before=lambda: replace(WRONG, observed="otherwise"))

    assert (check.status, check.detail) == (Status.WARN, "case 3")
    assert check.observed == "2 differences; the baseline does so too"


def test_a_baseline_that_keeps_a_promise_excuses_nobody() -> None:
    right = Answer(status=Status.PASS, observed="the same")

    check = QUESTION.ask(lambda: WRONG, before=lambda: right)

    assert (check.status, check.observed) == (Status.FAIL, "2 differences")


def test_where_the_baseline_cannot_be_asked_who_breaks_a_promise_is_warned_of() -> None:
    ours = context(models=("stable",))

    check = QUESTION.ask(lambda: WRONG, before=lambda: asking.before(ours, never, never))

    assert check.status is Status.WARN
    assert check.observed == (
        "2 differences; whether the baseline does so too was not asked: "
        "there is no baseline that runs"
    )


def test_a_crash_needs_no_baseline_to_be_a_failure() -> None:
    def judge() -> Answer:
        raise EngineDiedError("no answer")

    ours = context(models=("stable",))

    check = QUESTION.ask(judge, before=lambda: asking.before(ours, never, never))

    assert check.status is Status.FAIL


def test_the_baseline_is_not_asked_about_a_promise_that_is_kept() -> None:
    check = QUESTION.ask(lambda: Answer(status=Status.PASS, observed="the same"), before=never)

    assert check.status is Status.PASS


@pytest.mark.parametrize(
    ("candidate", "baseline", "status"),
    [
        (EngineDiedError, EngineDiedError, Status.WARN),
        (EngineDiedError, EngineAnswerError, Status.FAIL),
        (EngineAnswerError, EngineAnswerError, Status.WARN),
        (EngineAnswerError, EngineDiedError, Status.FAIL),
    ],
)
def test_only_what_ends_in_the_same_way_is_no_worse(
    candidate: type[EngineError], baseline: type[EngineError], status: Status
) -> None:
    def judge(error: type[EngineError]) -> Answer:
        raise error("no answer")

    check = QUESTION.ask(partial(judge, candidate), before=partial(judge, baseline))

    assert check.status is status


def test_a_question_that_makes_no_sense_is_skipped_with_the_reason() -> None:
    check = check_of(NotAskedError("there is no baseline"))

    assert check.status is Status.SKIP
    assert check.observed == "not asked: there is no baseline"


def test_no_other_error_is_turned_into_a_check() -> None:
    with pytest.raises(PinError, match="wrong"):
        check_of(PinError("wrong"))


def test_a_few_differences_are_listed_whole() -> None:
    assert listed([]) == ""
    assert listed(["a", "b", "c", "d", "e"]) == "a\nb\nc\nd\ne"


def test_of_many_differences_the_first_are_listed_and_the_rest_counted() -> None:
    assert listed([str(number) for number in range(12)]) == "0\n1\n2\n3\n4\nand 7 more"
