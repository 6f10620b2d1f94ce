from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from engine_ci.doctor import workflows as about
from engine_ci.records.doctor import Outcome
from engine_ci.system.github_workflows import Rights, Schedule

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("rights", "token", "proposes"),
    [
        (Rights(usual="read", proposes=True), OK, OK),
        (Rights(usual="write", proposes=False), WARN, WARN),
        (None, UNKNOWN, UNKNOWN),
    ],
)
def test_a_workflow_may_propose_and_do_nothing_else_by_default(
    rights: Rights | None, token: Outcome, proposes: Outcome
) -> None:
    assert about.token(rights).outcome is token
    assert about.proposes(rights).outcome is proposes


@pytest.mark.parametrize(
    ("schedule", "outcome", "told"),
    [
        (Schedule(state="active", last=NOW), OK, "active"),
        (Schedule(state="disabled_inactivity", last=NOW), FAIL, "nothing happened"),
        (Schedule(state="disabled_manually", last=NOW), FAIL, "disabled_manually"),
        ("absent", WARN, "has no .github/workflows/engine-bump.yml"),
        (None, UNKNOWN, "not shown"),
    ],
)
def test_a_workflow_that_the_clock_may_not_start_is_told(
    schedule: Schedule | Literal["absent"] | None, outcome: Outcome, told: str
) -> None:
    answer = about.enabled(schedule)

    assert answer.outcome is outcome
    assert told in answer.observed
    assert ("gh api -X PUT" in answer.hint) == (outcome is FAIL)


@pytest.mark.parametrize(
    ("schedule", "outcome"),
    [
        (Schedule(state="active", last=NOW - 2 * DAY), OK),
        (Schedule(state="active", last=NOW - 2 * DAY - timedelta(seconds=1)), WARN),
        (Schedule(state="active", last=None), WARN),
        ("absent", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_clock_that_stands_still_for_two_polls_is_told(
    schedule: Schedule | Literal["absent"] | None, outcome: Outcome
) -> None:
    answer = about.last_run(schedule, poll=DAY, now=NOW)

    assert answer.outcome is outcome
    assert bool(answer.hint) == (outcome is not OK)


def test_every_question_is_answered_in_order() -> None:
    answers = about.judged(None, None, poll=DAY, now=NOW)

    assert tuple(answer.id for answer in answers) == about.QUESTIONS
