from __future__ import annotations

from typing import Any

import pytest

from engine_ci.doctor import repository as about
from engine_ci.records.doctor import Outcome
from engine_ci.system.github_reads import Settings


def settings(**changes: object) -> Settings:
    values: dict[str, Any] = {
        "branch": "main",
        "may_write": True,
        "personal": None,
        "automatic": False,
    }
    return Settings(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "outcome", "told"),
    [
        ({}, Outcome.OK, "may write"),
        ({"may_write": False}, Outcome.WARN, "may read only"),
        ({"may_write": None}, Outcome.UNKNOWN, "does not say"),
        ({"personal": "classic"}, Outcome.WARN, "a classic personal token"),
        ({"personal": "fine-grained"}, Outcome.WARN, "a fine-grained personal token"),
    ],
)
def test_the_token_is_judged_by_what_can_be_read_of_it(
    changes: dict[str, object], outcome: Outcome, told: str
) -> None:
    found = about.token(settings(**changes))

    assert found.outcome is outcome
    assert told in found.observed


@pytest.mark.parametrize(
    ("automatic", "outcome"),
    [(False, Outcome.OK), (True, Outcome.WARN), (None, Outcome.UNKNOWN)],
)
def test_merging_by_itself_is_warned_of_where_it_is_allowed(
    automatic: bool | None,
    outcome: Outcome,
) -> None:
    assert about.automatic(settings(automatic=automatic)).outcome is outcome


def test_every_question_is_answered_in_order() -> None:
    assert tuple(answer.id for answer in about.judged(settings())) == about.QUESTIONS
