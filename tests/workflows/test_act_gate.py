"""`engine-gate.yml` and `engine-review.yml` run job by job, on changes of every kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.cli import models
from engine_ci.pins import store
from fixtures.github import GitHubServer, Login
from tests.workflows import scene
from tests.workflows.act import Act, Ran
from tests.workflows.scene import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.engine
BOT, PERSON, READER = "a-token-of-the-workflow", "a-token-of-a-person", "a-token-that-reads"
ORDINARY = {"changes": "success", "linux": "success", "gate": "success", "engine-gate": "success"}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    """The example app, which pins 0.1.2 for Linux and for Macs."""
    tokens = {
        BOT: Login("github-actions[bot]", write=True),
        PERSON: Login("ann", write=True),
        READER: Login("github-actions[bot]"),
    }
    seed = scene.seed(tmp_path, platforms=("ubuntu-x64", "macos-arm64"))
    with GitHubServer.start(tmp_path / "github", tokens=tokens, seed=seed) as server:
        yield server


@pytest.fixture
def act(github: GitHubServer, tmp_path: Path) -> Act:
    """Workflows that find what is pinned in the user's cache, and in the index nothing."""
    models.located(cache=scene.cache())
    scene.keep_pinned()
    (tmp_path / "wheels").mkdir()
    return Act(github, tmp_path / "act", environment=scene.environment(tmp_path / "wheels"))


@pytest.fixture
def app(github: GitHubServer) -> Repository:
    return Repository(github)


class Pull:
    """A pull request, and what GitHub runs for it."""

    def __init__(self, act: Act, app: Repository, branch: str, files: Mapping[str, str]) -> None:
        self.act = act
        self.base = act.server.repository.branches()["main"]
        self.head = app.commit(branch, files)
        self.merge = app.merged(self.base, self.head)
        hub = act.server.hub
        self.opened = hub.open_pull(
            author="github-actions[bot]", title="A change", body=None, head=branch, base="main",
            draft=False,
        )  # fmt: skip
        self.branch = branch

    def run(
        self, workflow: str, *, event: str = "pull_request", token: str = READER, fork: bool = False
    ) -> Ran:
        payload = scene.pull_payload(
            self.opened.number, base=self.base, head=self.head, branch=self.branch, fork=fork
        )
        return self.act.run(event, workflow=workflow, at=self.merge, token=token, payload=payload)


def moved(app: Repository, version: str) -> dict[str, str]:
    """The pin's file at another version."""
    pin = store.parse(app.text(scene.PIN), name=scene.PIN)
    return {scene.PIN: store.dump(scene.pinned(pin, version))}


def test_a_strangers_change_is_gated_with_a_token_that_reads_and_on_no_mac_of_ours(
    act: Act, app: Repository
) -> None:
    act.variables = {"ENGINE_CI_METAL": "true"}

    ran = Pull(act, app, "typo", {"README.md": "# Another\n"}).run("engine-gate", fork=True)

    assert ran.jobs == ORDINARY, ran.said


def test_a_push_to_main_is_kept_and_may_be_measured_on_a_mac_of_ours(
    act: Act, app: Repository
) -> None:
    act.variables = {"ENGINE_CI_METAL": "true"}
    before = act.server.repository.branches()["main"]
    after = app.commit("main", {"README.md": "# Another\n"})

    ran = act.run(
        "push", workflow="engine-gate", at=after, token=READER, payload={"before": before}
    )

    assert ran.jobs == {**ORDINARY, "metal": "success", "keep": "success"}, ran.said
    assert f"{after}/gate-macos-15/gate/gate.json" in ran.files("engine-history")


def test_a_merge_group_is_gated_against_what_it_will_be_merged_onto(
    act: Act, app: Repository
) -> None:
    base = act.server.repository.branches()["main"]
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
    ran = Pull(act, app, "try-it", moved(app, "0.1.4")).run("engine-gate")

    assert ran.jobs == {
        "changes": "success",
        "linux": "success",
        "gate": "failure",
        "oldest": "failure",
        "engine-gate": "failure",
    }, ran.said


def test_a_result_that_was_changed_between_the_jobs_fails_the_required_check(
    act: Act, app: Repository
) -> None:
    forged = {"STANDIN_FORGE": "gate-macos-15 gate/gate.json ready READY"}
    act.environment = {**act.environment, **forged}

    ran = Pull(act, app, "typo", {"README.md": "# Another\n"}).run("engine-gate")

    assert ran.jobs == {**ORDINARY, "engine-gate": "failure"}, ran.said
    assert "its record does not hold: the sha256 of gate.json" in ran.said


def test_a_bump_passes_its_gate_and_may_be_merged_once_a_person_approved_it(
    act: Act, app: Repository
) -> None:
    pull = Pull(act, app, "engine-ci/llama.cpp", moved(app, "0.1.3"))
    hub = act.server.hub

    gate = pull.run("engine-gate")
    unseen = pull.run("engine-review")
    hub.checks.add("engine-gate", pull.head, at=datetime.now(UTC), conclusion="success")
    hub.reviews.add(pull.opened, author="ann", event="APPROVE", at=datetime.now(UTC))
    seen = pull.run("engine-review", event="pull_request_review")

    assert gate.jobs == {**ORDINARY, "oldest": "success"}, gate.said
    assert unseen.jobs == {"engine-review": "failure"}, unseen.said
    assert seen.jobs == {"engine-review": "success"}, seen.said
    # An approval starts no engine.
    assert "gate" not in seen.jobs


def test_a_bump_in_doubt_is_asked_of_another_host_and_then_of_a_maintainer(
    act: Act, app: Repository
) -> None:
    text = app.text(scene.PIN)
    lost = store.parse(text, name=scene.PIN).platforms["ubuntu-x64"].sha256
    # The pinned engine cannot be had any more, so there is nothing to compare the new one with.
    app.commit("main", {scene.PIN: text.replace(lost, lost[::-1])})
    pull = Pull(act, app, "engine-ci/llama.cpp", moved(app, "0.1.3"))
    doubt = {"gate": "failure", "again": "failure", "oldest": "failure"}

    alone = pull.run("engine-gate")
    act.server.hub.add_labels(pull.opened, ["engine-gate-override"], actor="ann")
    with_word = pull.run("engine-gate")

    assert alone.jobs == {**ORDINARY, **doubt, "engine-gate": "failure"}, alone.said
    assert with_word.jobs == {**ORDINARY, **doubt}, with_word.said
    assert "ann answers for it" in with_word.said


def test_a_review_that_may_not_be_looked_at_is_no_review(act: Act, app: Repository) -> None:
    pull = Pull(act, app, "engine-ci/llama.cpp", moved(app, "0.1.3"))
    act.server.faults.add(scene.refused("GET .*/reviews"))

    ran = pull.run("engine-review")

    assert ran.jobs == {"engine-review": "failure"}, ran.said
    assert "Resource not accessible by integration" in ran.said
