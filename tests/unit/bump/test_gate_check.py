from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import gate_check
from engine_ci.records.decision import CHECKING_APP_ID
from engine_ci.records.doctor import Answer, Outcome
from engine_ci.system.github_pull import App, CheckRun
from engine_ci.system.github_rules import RequiredCheck

PIN = "pins/llama.cpp.yaml"
REQUIRED = RequiredCheck(name="engine-gate", app=CHECKING_APP_ID)
ANYBODYS = RequiredCheck(name="engine-gate")
OTHER = RequiredCheck(name="engine-review", app=CHECKING_APP_ID)


def run(conclusion: str | None = "success", **changes: object) -> CheckRun:
    """The gate's check on the head."""
    values: dict[str, Any] = {
        "id": 1,
        "name": "engine-gate",
        "status": "completed",
        "conclusion": conclusion,
        "app": App(slug="github-actions"),
    }
    return CheckRun.model_validate(values | changes)


RUNNING = run(None, status="in_progress")


def said(
    *runs: CheckRun,
    paths: frozenset[str] | None = frozenset({PIN}),
    required: frozenset[RequiredCheck] | None = frozenset({REQUIRED, OTHER}),
) -> Answer:
    return gate_check.answer(runs, paths=paths, branch="main", required=required)


def test_a_gate_that_passed_on_this_commit_is_enough() -> None:
    assert said(run(), required=None) == Answer(
        id="review/gate", outcome=Outcome.OK, observed="passed on this commit"
    )


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "skipped", "neutral", "timed_out"])
@pytest.mark.parametrize("required", [None, frozenset({REQUIRED})])
def test_a_gate_that_ended_otherwise_is_red_whatever_is_required(
    conclusion: str, required: frozenset[RequiredCheck] | None
) -> None:
    answer = said(run(conclusion), required=required)

    assert answer.outcome is Outcome.FAIL
    assert answer.observed.endswith(f"to be a success, found: {conclusion}")


def test_of_several_runs_the_newest_counts() -> None:
    assert said(run("failure", id=1), run(id=2)).outcome is Outcome.OK
    assert said(run(id=2), run("failure", id=3), run(id=1)).outcome is Outcome.FAIL
    assert not gate_check.has_ended([run("failure", id=1), run(None, id=2, status="queued")])


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        ([], "(it did not begin)"),
        ([run(None, status="queued")], "(queued)"),
        ([RUNNING], "(in_progress)"),
        ([run("success", status="waiting")], "(waiting)"),
        ([run(app=App(slug="other"))], "(it did not begin)"),
        ([run(app=None)], "(it did not begin)"),
        ([run(name="engine-gate-2")], "(it did not begin)"),
        ([run("failure", id=1), run(None, id=2, status="queued")], "(queued)"),
    ],
)
def test_where_github_requires_the_gate_nobody_has_to_wait_for_its_end(
    runs: list[CheckRun], state: str
) -> None:
    answer = said(*runs)

    assert answer.outcome is Outcome.OK
    assert answer.observed == (
        f"engine-gate has not ended {state}: GitHub waits for it, since main requires it"
    )
    assert not gate_check.has_ended(runs)


@pytest.mark.parametrize(
    ("required", "why"),
    [
        (None, "whether main requires it is not shown"),
        (frozenset[RequiredCheck](), "main does not require it from the app github-actions"),
        (frozenset({OTHER}), "main does not require it"),
        # Whoever may write could report that.
        (frozenset({ANYBODYS}), "main does not require it from the app github-actions"),
        (frozenset({RequiredCheck(name="engine-gate", app=1)}), "main does not require it"),
    ],
)
def test_where_github_does_not_wait_for_the_gate_an_early_approval_does(
    required: frozenset[RequiredCheck] | None, why: str
) -> None:
    answer = said(RUNNING, required=required)

    assert answer.outcome is Outcome.FAIL
    assert why in answer.observed
    assert answer.hint.startswith("run this job again once it has passed")


@pytest.mark.parametrize(
    "paths", [None, frozenset({PIN, ".github/workflows/engine-gate.yml"})], ids=["unknown", "own"]
)
def test_a_change_of_the_workflows_may_have_the_gate_skipped_so_it_has_to_end(
    paths: frozenset[str] | None,
) -> None:
    waiting, ended = said(RUNNING, paths=paths), said(run(), paths=paths)

    assert waiting.outcome is Outcome.FAIL
    assert "this may change how it ends" in waiting.observed
    assert ended.outcome is Outcome.OK


RUNS = st.lists(
    st.builds(
        CheckRun,
        id=st.integers(1, 9),
        name=st.sampled_from(["engine-gate", "other"]),
        status=st.sampled_from(["completed", "in_progress", "queued"]),
        conclusion=st.sampled_from([None, "success", "failure", "cancelled", "skipped"]),
        app=st.none() | st.builds(App, slug=st.sampled_from(["github-actions", "other"])),
    ),
    unique_by=lambda each: each.id,
    max_size=3,
)
CHECKS = st.none() | st.frozensets(st.sampled_from([REQUIRED, ANYBODYS, OTHER]))
PATHS = st.none() | st.frozensets(st.sampled_from([PIN, "README.md", ".github/workflows/a.yml"]))


@given(RUNS, PATHS, CHECKS)
def test_whatever_ran_green_is_a_success_or_what_github_is_sure_to_wait_for(
    runs: list[CheckRun],
    paths: frozenset[str] | None,
    required: frozenset[RequiredCheck] | None,
) -> None:
    answer = said(*runs, paths=paths, required=required)

    if answer.outcome is not Outcome.OK:
        assert (answer.outcome, bool(answer.hint)) == (Outcome.FAIL, True)
        return
    own = [each for each in runs if (each.name, each.app) == ("engine-gate", run().app)]
    newest = max(own, key=lambda each: each.id, default=None)
    if newest is not None and newest.status == "completed":
        assert newest.conclusion == "success"
        return
    assert required is not None
    assert REQUIRED in required
    assert paths is not None
    assert not any(path.startswith(".github/workflows/") for path in paths)
