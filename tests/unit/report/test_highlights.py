from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.records.gate import Status, Verdict
from engine_ci.report import highlights
from tests.unit.report.build import PASSED, REFUSED, UNSURE, check, result

if TYPE_CHECKING:
    from engine_ci.report.highlights import Annotation


def failing(count: int) -> tuple[Annotation, ...]:
    checks = (check(f"loads/{number}", Status.FAIL) for number in range(count))
    return highlights.of(result(*checks, verdict=Verdict.FAIL), most=10)


def test_what_passed_needs_no_word() -> None:
    assert highlights.of(PASSED, most=10) == ()


def test_each_check_that_decided_is_an_error_and_no_other() -> None:
    (error,) = highlights.of(REFUSED, most=10)

    assert (error.level, error.title) == ("error", "loads/smollm2")
    assert error.message == "expected ready, observed ended with SIGABRT before it was ready"


@pytest.mark.parametrize("count", [1, 10])
def test_as_many_as_fit_are_all_shown(count: int) -> None:
    assert [found.title for found in failing(count)] == [f"loads/{at}" for at in range(count)]


def test_of_more_the_rest_is_counted() -> None:
    found = failing(25)

    assert len(found) == 10
    assert found[-1].message == "16 more checks came out like these: the report has them all"


def test_a_doubt_is_one_warning() -> None:
    (warning,) = highlights.of(UNSURE, most=10)

    assert warning.level == "warning"
    assert warning.title == "The gate cannot tell"


def test_questions_that_could_not_be_asked_are_errors() -> None:
    asked = result(check("loads/a"), check("setup/models/x", Status.ERROR), verdict=Verdict.ERROR)

    (error,) = highlights.of(asked, most=10)

    assert (error.level, error.title) == ("error", "setup/models/x")


def test_a_gate_that_asked_nothing_says_so() -> None:
    (error,) = highlights.of(result(verdict=Verdict.ERROR), most=10)

    assert (error.level, error.message) == ("error", "No check was run")


def test_a_long_answer_is_cut() -> None:
    long = check("loads/a", Status.FAIL, observed="x" * 5000)

    (error,) = highlights.of(result(long, verdict=Verdict.FAIL), most=10)

    assert len(error.message) < 700
