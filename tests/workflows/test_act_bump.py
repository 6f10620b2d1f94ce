"""`engine-bump.yml` run job by job: by hand, without rights, with an app's, and with a forgery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.github import Fault, documents, signing
from tests.workflows import scene
from tests.workflows.scene import APP, BOT, ORDINARY, READER, SCHEDULE, TRIED

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.github import GitHubServer
    from tests.workflows.act import Act
    from tests.workflows.scene import Repository

pytestmark = pytest.mark.engine


def test_a_run_by_hand_may_be_for_one_build_and_dry(act: Act, github: GitHubServer) -> None:
    dry = {"inputs": {"build": "0.1.3", "dry-run": "true"}}

    ran = act.run(
        "workflow_dispatch",
        workflow="engine-bump",
        token=BOT,
        payload=dry,
    )

    assert ran.jobs == TRIED, ran.said
    assert "candidate; its source does not tell its age: no cooldown; it is asked for" in ran.said
    assert github.hub.pulls == []


def test_a_token_that_has_expired_stops_the_run_before_a_mac_is_asked_for_and_is_counted(
    act: Act, github: GitHubServer
) -> None:
    expired = Fault("GET /repos/.*", status=401, message="Bad credentials")

    github.faults.add(expired)
    ran = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)
    github.faults.add(expired)
    again = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)

    assert ran.jobs == again.jobs == {"detect": "failure", "watch": "success"}, ran.said
    assert "Bad credentials" in ran.said
    # The count outlives the run, or a schedule that never works would never be told of.
    assert "2 polls failed in a row" in again.said


def test_a_token_without_the_right_to_write_opens_nothing_and_says_which_right_it_lacks(
    act: Act, github: GitHubServer
) -> None:
    before = github.repository.branches()

    ran = act.run("schedule", workflow="engine-bump", token=READER, payload=SCHEDULE)

    assert ran.jobs == {**TRIED, "propose": "failure", "watch": "success"}, ran.said
    assert "403" in ran.said
    assert github.hub.pulls == []
    assert github.repository.branches() == before


def test_an_app_of_ones_own_is_the_author_where_there_is_one(
    act: Act, github: GitHubServer
) -> None:
    act.variables = {"ENGINE_CI_APP_CLIENT_ID": "Iv1.0123456789abcdef"}
    secrets = {"ENGINE_CI_APP_KEY": APP}

    ran = act.run(
        "schedule", workflow="engine-bump", token=READER, secrets=secrets,
        payload=SCHEDULE,
    )  # fmt: skip

    assert ran.jobs["propose"] == "success", ran.said
    # With the workflow's own token, which may only read here, nothing could have been opened.
    assert [pull.author for pull in github.hub.pulls] == ["our-app[bot]"]
    (pull,) = github.hub.pulls
    commit, *_ = github.repository.commits(pull.head_sha)
    # GitHub signs for it, and nothing told git who commits here.
    assert commit.message.endswith(f"\nSigned-off-by: {documents.author('our-app[bot]')}")
    assert signing.verification(commit.raw, at=commit.committer.date)["verified"]
    assert APP not in ran.said


def test_a_record_that_was_changed_between_the_jobs_opens_nothing(
    act: Act, github: GitHubServer
) -> None:
    sha256 = scene.BUILDS["0.1.3"]["ubuntu-x64"]
    forged = {"STANDIN_FORGE": f"bump candidate.json {sha256} {sha256[::-1]}"}
    act.environment = {**act.environment, **forged}

    ran = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)

    assert ran.jobs == {**TRIED, "propose": "failure", "watch": "success"}, ran.said
    assert "candidate.json cannot be true" in ran.said
    assert github.hub.pulls == []


def test_what_was_refused_costs_no_second_day_on_a_mac(
    act: Act, github: GitHubServer, tmp_path: Path
) -> None:
    # It aborts while it loads some models.
    act.environment = {
        **act.environment,
        **scene.environment(scene.index(tmp_path / "bad", "0.1.4")),
    }

    ran = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)
    again = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)

    failed = {"detect": "success", "attempt": "failure", "watch": "success"}
    assert ran.jobs == failed, ran.said
    assert again.jobs == {"detect": "success", "watch": "success"}, again.said
    assert "refused before: the gate says fail" in again.said
    assert github.hub.pulls == []


def test_a_pin_that_the_gate_refused_on_main_is_known_to_the_runs_after_it(
    act: Act, app: Repository
) -> None:
    before = act.main
    after = app.commit("main", app.moved("0.1.4"))
    refused = {**ORDINARY, "keep": "success"} | dict.fromkeys(
        ("gate", "oldest", "engine-gate"), "failure"
    )

    ran = act.run(
        "push", workflow="engine-gate", at=after, token=READER, payload={"before": before}
    )
    bump = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)

    assert ran.jobs == refused, ran.said
    assert bump.jobs == {"detect": "success", "watch": "success"}, bump.said
    assert "the pin is refused by the gate" in bump.said
