from __future__ import annotations

import pytest

from engine_ci.records.decision import Decision
from engine_ci.records.doctor import Answer, Outcome

OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("outcomes", "passed"),
    [
        ((OK, WARN), True),
        ((OK, FAIL), False),
        ((OK, UNKNOWN), False),
        ((), False),
    ],
)
def test_only_what_was_asked_and_answered_well_passes(
    outcomes: tuple[Outcome, ...], passed: bool
) -> None:
    answers = tuple(Answer(id="a", outcome=each, observed="") for each in outcomes)

    assert Decision(schema=1, commit="0" * 40, answers=answers).passed is passed
