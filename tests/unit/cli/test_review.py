"""`engine-ci review`, on an embedded GitHub with a clone of the app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from engine_ci.errors import Exit
from fixtures.github import Fault, Guard
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

    ran = run("review", "--pull", "1")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "(it did not begin), and main does not require it from the app github-actions" in ran.out
    assert "→ run this job again once it has passed, or require it there" in ran.out


@pytest.mark.parametrize("by", ["ruleset", "classic"])
def test_an_approval_before_the_gate_has_ended_is_left_to_github_which_waits_for_it(
    run: CommandLine, hosted: GitHubServer, by: str
) -> None:
    guard = Guard(checks=("engine-gate", "engine-review"), app=15368)
    setattr(hosted.hub.settings, by, guard)
    pull = proposed(hosted, PIN)
    approve(hosted, pull)
    begun = len(hosted.requests)

    unbegun = run("review", "--pull", "1")
    asked = len(hosted.requests) - begun
    gate = hosted.hub.checks.add(
        "engine-gate", pull.head_sha, at=hosted.hub.clock(), status="in_progress"
    )
    running = run("review", "--pull", "1")
    gate.status, gate.conclusion = "completed", "failure"
    failed = run("review", "--pull", "1", "--json")

    assert unbegun.status == running.status == Exit.OK, unbegun.out
    assert "GitHub waits for it, since main requires it" in unbegun.out
    assert "has not ended (in_progress): GitHub waits" in running.out
    assert asked == 7
    assert failed.status == Exit.GATE_SAYS_NO
    assert outcomes(failed)["gate"] == "fail"


def test_an_early_approval_of_another_gate_has_to_wait_for_its_end(
    run: CommandLine, hosted: GitHubServer
) -> None:
    hosted.hub.settings.ruleset = Guard(checks=("engine-gate",), app=15368)
    approve(hosted, proposed(hosted, PIN, ".github/workflows/engine-gate.yml"))

    ran = run("review", "--pull", "1")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "this may change how it ends" in ran.out


def test_rules_that_this_token_may_not_see_are_said_to_be_unknown(
    run: CommandLine, hosted: GitHubServer
) -> None:
    approve(hosted, proposed(hosted, PIN))
    hosted.faults.add(Fault("GET .*/rules/branches/main", status=403, message="Upgrade"))

    ran = run("review", "--pull", "1")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "and whether main requires it is not shown" in ran.out


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
    assert "::error title=engine-review%3A review/gate::engine-gate has not ended" in ran.err
