"""`engine-gate.yml` and `engine-review.yml` run job by job, on changes of every kind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.pins import store
from fixtures.github import Guard
from fixtures.github.hub import utc_now
from tests.workflows import scene
from tests.workflows.scene import ORDINARY, READER, Pull

if TYPE_CHECKING:
    from tests.workflows.act import Act
    from tests.workflows.scene import Repository

pytestmark = pytest.mark.engine


def test_a_strangers_change_is_gated_with_a_token_that_reads_and_on_no_mac_of_ours(
    act: Act,
) -> None:
    act.variables = {"ENGINE_CI_METAL": "true"}

    ran = Pull.opened(act, "typo", {"README.md": "# Another\n"}).run("engine-gate", fork=True)

    assert ran.jobs == ORDINARY, ran.said
    # Drawn where minutes are cheap, since a job on a Mac has no library that draws.
    pages = ran.files("pages")
    assert set(pages) == {"gate-macos-15/gate/gate.html"}


def test_a_push_to_main_is_kept_and_may_be_measured_on_a_mac_of_ours(
    act: Act, app: Repository
) -> None:
    act.variables = {"ENGINE_CI_METAL": "true"}
    before = act.main
    after = app.commit("main", {"README.md": "# Another\n"})

    ran = act.run(
        "push", workflow="engine-gate", at=after, token=READER, payload={"before": before}
    )

    assert ran.jobs == {**ORDINARY, "metal": "success", "keep": "success"}, ran.said
    kept = ran.files("engine-history")
    assert f"{after}/gate-macos-15/gate/gate.json" in kept
    assert {"history.md"} <= set(kept)
    # The page of all results is that of the run too.
    assert f"| {after[:10]} | `gate-macos-15` |" in ran.said


def test_a_merge_group_is_gated_against_what_it_will_be_merged_onto(
    act: Act, app: Repository
) -> None:
    base = act.main
    head = app.commit("gh-readonly-queue/main/pr-1", {"README.md": "# Another\n"})
    payload: dict[str, Any] = {"merge_group": {"base_sha": base, "head_sha": head}}

    ran = act.run("merge_group", workflow="engine-gate", at=head, token=READER, payload=payload)
    review = act.run(
        "merge_group", workflow="engine-review", at=head, token=READER, payload=payload
    )

    assert ran.jobs == ORDINARY, ran.said
    assert review.jobs == {}


def test_an_engine_that_aborts_fails_the_gate_on_both_systems_and_the_required_check(
    act: Act, app: Repository
) -> None:
    ran = Pull.opened(act, "try-it", app.moved("0.1.4")).run("engine-gate")

    assert ran.jobs == {
        "changes": "success",
        "linux": "success",
        "gate": "failure",
        "oldest": "failure",
        "engine-gate": "failure",
    }, ran.said


def test_a_result_that_was_changed_between_the_jobs_fails_the_required_check(act: Act) -> None:
    forged = {"STANDIN_FORGE": "gate-macos-15 gate/gate.json ready READY"}
    act.environment = {**act.environment, **forged}

    ran = Pull.opened(act, "typo", {"README.md": "# Another\n"}).run("engine-gate")

    assert ran.jobs == {**ORDINARY, "engine-gate": "failure"}, ran.said
    assert "its record does not hold: the sha256 of gate.json" in ran.said


def test_a_bump_in_doubt_is_asked_of_another_host_and_then_of_a_maintainer(
    act: Act, app: Repository
) -> None:
    text = app.text(scene.PIN)
    lost = store.parse(text, name=scene.PIN).platforms["ubuntu-x64"].sha256
    # The pinned engine cannot be had any more, so there is nothing to compare the new one with.
    app.commit("main", {scene.PIN: text.replace(lost, lost[::-1])})
    pull = Pull.opened(act, "engine-ci/llama.cpp", app.moved("0.1.3"))
    # What a doubt means is for the required check to say.
    doubt = {"gate": "success", "again": "success", "oldest": "success"}

    # Of a label in the second of the push nobody could say which was first.
    act.server.hub.clock = lambda: utc_now() + timedelta(minutes=1)
    act.server.hub.add_labels(pull.hosted, ["engine-gate-override"], actor="ann")
    ran = pull.run("engine-gate")

    assert ran.jobs == {**ORDINARY, **doubt}, ran.said
    # A maintainer's word is asked for only where nothing else would let it pass.
    assert "ann answers for it" in ran.said


def test_a_review_that_may_not_be_looked_at_is_no_review(act: Act, app: Repository) -> None:
    pull = Pull.opened(act, "engine-ci/llama.cpp", app.moved("0.1.3"))
    act.server.faults.add(scene.refused("GET .*/reviews"))

    ran = pull.run("engine-review")

    assert ran.jobs == {"engine-review": "failure"}, ran.said
    assert "Resource not accessible by integration" in ran.said


def test_an_approval_before_the_gate_has_ended_passes_where_github_waits_for_the_gate(
    act: Act, app: Repository
) -> None:
    pull = Pull.opened(act, "engine-ci/llama.cpp", app.moved("0.1.3"))
    act.server.hub.reviews.add(pull.hosted, author="ann", event="APPROVE", at=utc_now())

    alone = pull.run("engine-review", event="pull_request_review")
    act.server.hub.settings.ruleset = Guard(checks=("engine-gate",), app=15368)
    guarded = pull.run("engine-review", event="pull_request_review")

    assert alone.jobs == {"engine-review": "failure"}, alone.said
    assert guarded.jobs == {"engine-review": "success"}, guarded.said
    assert "GitHub waits for it, since main requires it" in guarded.said
