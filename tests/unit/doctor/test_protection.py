from __future__ import annotations

import pytest

from engine_ci.doctor import protection as about
from engine_ci.records.doctor import Outcome
from engine_ci.system.github_reads import Guard, Protection
from engine_ci.system.github_rules import RequiredCheck

OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN


def required(*names: str, app: int | None = None) -> frozenset[RequiredCheck]:
    return frozenset(RequiredCheck(name=name, app=app) for name in names)


NOTHING = Guard()
GATE = required("engine-gate / engine-gate")
ASKED = Guard(checks=GATE, approvals=1)
OTHER = Guard(checks=required("build"))
BOUND = Guard(checks=required("engine-gate", app=15368))
STRICT = Guard(dismisses_stale=True, code_owners=True)


def protection(
    rules: Guard | None,
    classic: Guard | None = NOTHING,
    *,
    checks: frozenset[RequiredCheck] = frozenset(),
) -> Protection:
    return Protection(rules=rules, classic=classic, checks=checks)


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(ASKED), OK),
        (protection(NOTHING, ASKED), OK),
        (protection(NOTHING, None, checks=GATE), OK),
        (protection(None, checks=GATE), OK),
        (protection(OTHER), WARN),
        (protection(Guard(checks=required("engine-gate-old"))), WARN),
        (protection(NOTHING), FAIL),
        (protection(NOTHING, None), FAIL),
        (protection(None), UNKNOWN),
        (protection(None, OTHER), UNKNOWN),
    ],
)
def test_the_gate_must_be_a_required_check(found: Protection, outcome: Outcome) -> None:
    assert about.required_check(found).outcome is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(BOUND), OK),
        (protection(NOTHING, BOUND), OK),
        (protection(None, None, checks=required("engine-gate", app=1)), OK),
        (protection(BOUND, ASKED), OK),
        (protection(ASKED), WARN),
        (protection(Guard(checks=required("build", app=1)), ASKED), WARN),
        (protection(OTHER), UNKNOWN),
        (protection(None), UNKNOWN),
    ],
)
def test_the_gates_check_should_count_from_one_app_only(
    found: Protection, outcome: Outcome
) -> None:
    assert about.bound_check(found).outcome is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(Guard(checks=required("engine-review"))), OK),
        (protection(None, checks=required("engine-review")), OK),
        (protection(ASKED), WARN),
        (protection(None, ASKED), UNKNOWN),
    ],
)
def test_the_check_of_the_approval_should_be_required_too(
    found: Protection, outcome: Outcome
) -> None:
    assert about.review_check(found).outcome is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(ASKED), OK),
        (protection(None, ASKED), OK),
        (protection(ASKED, None), OK),
        (protection(OTHER), FAIL),
        (protection(OTHER, None), UNKNOWN),
        (protection(None), UNKNOWN),
    ],
)
def test_a_person_must_approve(found: Protection, outcome: Outcome) -> None:
    assert about.reviews(found).outcome is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (protection(STRICT), OK),
        (protection(None, STRICT), OK),
        (protection(ASKED), WARN),
        (protection(ASKED, None), UNKNOWN),
        (protection(None), UNKNOWN),
    ],
)
def test_approvals_should_end_with_a_push_and_come_from_owners(
    found: Protection, outcome: Outcome
) -> None:
    assert about.stale_reviews(found).outcome is outcome
    assert about.code_owners(found).outcome is outcome


@pytest.mark.parametrize(
    ("found", "outcome", "told"),
    [
        (protection(ASKED), OK, "nobody"),
        (protection(ASKED, Guard(bypass=frozenset({"a", "b"}))), WARN, "without it: a, b"),
        (protection(Guard(bypass=frozenset({"a"})), None), WARN, "without it: a"),
        (protection(Guard(bypass=None)), UNKNOWN, "not shown"),
        (protection(ASKED, None), UNKNOWN, "not shown"),
    ],
)
def test_who_need_not_keep_to_it_is_named(found: Protection, outcome: Outcome, told: str) -> None:
    answer = about.bypass(found)

    assert answer.outcome is outcome
    assert told in answer.observed


def test_what_was_required_is_named_and_what_to_click() -> None:
    found = about.required_check(protection(OTHER))

    assert found.observed == "required: build"
    assert "add the check engine-gate" in found.hint


def test_every_question_is_answered_in_order() -> None:
    assert tuple(answer.id for answer in about.judged(protection(NOTHING))) == about.QUESTIONS
