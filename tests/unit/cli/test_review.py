"""`engine-ci review`, on an embedded GitHub with a clone of the app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from engine_ci.errors import Exit
from fixtures.github import Fault
from tests.unit.cli.hosted import BRANCH, PIN, proposed, push

if TYPE_CHECKING:
    from fixtures.github import GitHubServer
    from fixtures.github.records import Pull
    from tests.unit.cli.command import CommandLine, Ran


def passed(server: GitHubServer, pull: Pull) -> None:
    """The gate has passed on the head."""
    server.hub.checks.add("engine-gate", pull.head_sha, at=server.hub.clock(), conclusion="success")


def approve(server: GitHubServer, pull: Pull, *, by: str = "ann") -> None:
    server.hub.reviews.add(pull, author=by, event="APPROVE", at=server.hub.clock())


def outcomes(ran: Ran) -> dict[str, str]:
    answers = json.loads(ran.out)["answers"]
    return {each["id"].removeprefix("review/"): each["outcome"] for each in answers}


def test_a_bump_is_red_until_a_person_approves_it_and_green_then(
    run: CommandLine, hosted: GitHubServer
) -> None:
    pull = proposed(hosted, PIN)
    passed(hosted, pull)

    before = run("review", "--pull", "1", "--json")
    approve(hosted, pull)
    asked = len(hosted.requests)
    after = run("review", "--pull", "1")

    assert before.status == Exit.GATE_SAYS_NO
    assert outcomes(before) == {"files": "ok", "auto-merge": "ok", "approval": "fail", "gate": "ok"}
    assert after.status == Exit.OK
    assert f"ok       review/approval       ann approved {pull.head_sha[:12]}" in after.out
    assert len(hosted.requests) - asked == 5


def test_an_approval_does_not_count_for_what_was_pushed_after_it(
    run: CommandLine, hosted: GitHubServer
) -> None:
    pull = proposed(hosted, PIN)
    approve(hosted, pull)
    push(hosted, PIN, "other.txt", onto=BRANCH)
    hosted.hub.refresh()
    passed(hosted, pull)

    assert outcomes(run("review", "--pull", "1", "--json"))["approval"] == "fail"


@pytest.mark.parametrize("name", ["stranger", "renovate[bot]"])
def test_an_approval_of_who_may_not_write_or_is_no_person_does_not_count(
    run: CommandLine, hosted: GitHubServer, name: str
) -> None:
    pull = proposed(hosted, PIN)
    passed(hosted, pull)
    approve(hosted, pull, by=name)

    assert outcomes(run("review", "--pull", "1", "--json"))["approval"] == "fail"


def test_merging_by_itself_keeps_it_red(run: CommandLine, hosted: GitHubServer) -> None:
    pull = proposed(hosted, PIN)
    passed(hosted, pull)
    approve(hosted, pull)
    pull.auto_merge = "ben"

    ran = run("review", "--pull", "1")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "fail     review/auto-merge     switched on by ben\n" in ran.out


def test_without_the_gates_success_on_this_commit_it_is_red(
    run: CommandLine, hosted: GitHubServer
) -> None:
    pull = proposed(hosted, PIN)
    approve(hosted, pull)

    assert outcomes(run("review", "--pull", "1", "--json"))["gate"] == "fail"


@pytest.mark.parametrize("path", ["engine-ci.yaml", "pins/llama.cpp.yaml", "scripts/engine.sh"])
def test_a_pin_a_target_and_the_file_that_names_them_need_a_person(
    run: CommandLine, hosted: GitHubServer, path: str
) -> None:
    config = Path("engine-ci.yaml")
    target = "\ntargets:\n  - {file: scripts/engine.sh, pattern: '(?P<version>[0-9.]+)'}\n"
    Path("scripts").mkdir(exist_ok=True)
    proposed(hosted, path)
    config.write_text(config.read_text() + target)

    assert run("review", "--pull", "1").status == Exit.GATE_SAYS_NO


def test_any_other_change_is_not_asked_for_anything(run: CommandLine, hosted: GitHubServer) -> None:
    proposed(hosted, "other.txt").auto_merge = "ben"

    ran = run("review", "--pull", "1")

    assert ran.status == Exit.OK
    assert "nothing is asked here" in ran.out
    assert len([each for each in hosted.requests if each.operation]) == 2


def test_what_the_token_may_not_see_is_no_pass(run: CommandLine, hosted: GitHubServer) -> None:
    pull = proposed(hosted, PIN)
    passed(hosted, pull)
    approve(hosted, pull)
    hosted.faults.add(Fault("GET .*/check-runs", status=403, message="Resource not accessible"))

    ran = run("review", "--pull", "1")

    assert ran.status == Exit.OUTSIDE
    assert "in the workflow, the job needs `permissions: {checks: read}`" in ran.err


def test_without_a_token_nothing_is_asked(
    run: CommandLine, hosted: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(doors.TOKEN)

    assert run("review", "--pull", "1", "--repository", "example/app").status == Exit.USAGE
    assert not [each for each in hosted.requests if each.operation]


def test_on_a_runner_the_page_of_the_run_and_its_annotations_say_the_same(
    run: CommandLine, hosted: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(hosted, PIN)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    ran = run("review", "--pull", "1", "--repository", "example/app")

    page = (tmp_path / "summary.md").read_text()
    assert page.startswith("## engine-review: not passed\n\n| question | result | why |\n")
    assert "| review/approval | ❌ fail | no person who may write" in page
    assert "::error title=engine-review%3A review/gate::expected the check engine-gate" in ran.err
