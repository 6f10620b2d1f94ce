from __future__ import annotations

from typing import Any

import pytest

from engine_ci.doctor import repository as about
from engine_ci.records.doctor import Outcome
from engine_ci.system.github_reads import Guard, Protection, Settings

NOTHING = Guard()
ASKED = Guard(checks=frozenset({"engine-gate / result"}), approvals=1)
OTHER = Guard(checks=frozenset({"build"}))


def settings(**changes: object) -> Settings:
    values: dict[str, Any] = {
        "branch": "main",
        "may_write": True,
        "scopes": None,
        "automatic": False,
    }
    return Settings(**(values | changes))


def protection(
    rules: Guard | None, classic: Guard | None = NOTHING, *, checks: tuple[str, ...] = ()
) -> Protection:
    return Protection(rules=rules, classic=classic, checks=frozenset(checks))


@pytest.mark.parametrize(
    ("changes", "outcome", "told"),
    [
        ({}, Outcome.OK, "may write"),
        ({"may_write": False}, Outcome.WARN, "may read only"),
        ({"may_write": None}, Outcome.UNKNOWN, "does not say"),
        ({"scopes": ("repo",)}, Outcome.WARN, "a classic personal token"),
        ({"scopes": ()}, Outcome.WARN, "a classic personal token"),
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


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(ASKED), Outcome.OK),
        (protection(NOTHING, ASKED), Outcome.OK),
        (protection(NOTHING, None, checks=("engine-gate",)), Outcome.OK),
        (protection(None, checks=("engine-gate",)), Outcome.OK),
        (protection(OTHER), Outcome.WARN),
        (protection(NOTHING), Outcome.FAIL),
        (protection(NOTHING, None), Outcome.FAIL),
        (protection(None), Outcome.UNKNOWN),
        (protection(None, OTHER), Outcome.UNKNOWN),
    ],
)
def test_the_gate_must_be_a_required_check(found: Protection, outcome: Outcome) -> None:
    assert about.required_check(found).outcome is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(ASKED), Outcome.OK),
        (protection(None, ASKED), Outcome.OK),
        (protection(ASKED, None), Outcome.OK),
        (protection(OTHER), Outcome.FAIL),
        (protection(OTHER, None), Outcome.UNKNOWN),
        (protection(None), Outcome.UNKNOWN),
    ],
)
def test_a_person_must_approve(found: Protection, outcome: Outcome) -> None:
    assert about.reviews(found).outcome is outcome


def test_what_was_required_is_named_and_what_to_click() -> None:
    found = about.required_check(protection(OTHER))

    assert found.observed == "required: build"
    assert "add the check engine-gate" in found.hint


def test_without_github_every_question_that_it_answers_is_unknown() -> None:
    found = list(about.unknown("no token", hint=None))

    judged = {answer.id for answer in about.judged(settings(), protection(ASKED))}
    assert {answer.id for answer in found} == judged
    assert {(each.outcome, each.observed, each.hint) for each in found} == {
        (Outcome.UNKNOWN, "no token", "")
    }
