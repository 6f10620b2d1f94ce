"""What `bump --open` does about a pin that is stuck, on an embedded GitHub."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.bump import polls
from engine_ci.cli import app, watch
from engine_ci.cli.progress import Progress
from engine_ci.cli.workspace import open_workspace
from engine_ci.errors import (
    EngineCIError,
    EngineError,
    Exit,
    GitHubError,
    OutsideError,
)
from engine_ci.records.candidate import Postponed, Refusal, Release
from engine_ci.system import documents
from fixtures.github import Fault, GitHubServer
from tests.unit.bump import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.polls import Polls
    from engine_ci.system.github import Hub
    from tests.unit.cli.command import CommandLine

DAY = timedelta(days=1)
DOWN = OutsideError("the index did not answer", hint="check the network")
LIST = "GET /repos/example/app/issues"


@pytest.fixture
def workspace(github: GitHubServer) -> Workspace:
    assert github.api_url
    return open_workspace(Path("engine-ci.yaml"), pin=None, work=Path(".engine-ci"))


@pytest.fixture
def hub(workspace: Workspace, github: GitHubServer) -> Iterator[Hub]:
    found = app.hub(workspace, repository=None, api_url=github.api_url, remote="origin")
    yield found
    found.close()


def look(
    workspace: Workspace, hub: Hub, error: EngineCIError | None = None, *, days: float = 0
) -> None:
    """Looks, so many days from now."""
    with Progress() as say:
        watch.look(workspace, error, hub=hub, say=say, now=datetime.now(UTC) + days * DAY)


def ended(workspace: Workspace, github: GitHubServer, error: Exception) -> None:
    """A run that ended with an error."""
    address = github.api_url
    with (
        Progress() as say,
        watch.over(
            workspace, asked=True, repository=None, api_url=address, remote="origin", say=say
        ),
    ):
        raise error


def found(workspace: Workspace, *, chosen: str | None = None) -> None:
    """Leaves what `detect` found."""
    release = Release(version=chosen) if chosen else None
    text = documents.dump_json(records.candidate(chosen=release, decisions=(), refused=()))
    documents.write(workspace.candidate_json, text)


def kept(workspace: Workspace) -> Polls:
    return polls.load(workspace.polls_json, pin=workspace.pin.name, now=records.NOW)[0]


def test_a_quiet_day_asks_for_the_issues_only(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    found(workspace)
    look(workspace, hub)
    before = len(github.requests)

    look(workspace, hub, days=1)

    assert [f"{one.method} {one.path}" for one in github.requests[before:]] == [LIST]
    assert github.hub.issues == []


def test_without_a_record_the_repository_tells_when_the_pin_moved(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    found(workspace)

    look(workspace, hub, days=20)

    (issue,) = github.hub.issues
    assert issue.title == "llama.cpp is stuck at 0.1.2"
    since = github.hub.created.date()
    assert f"No build could be proposed since {since}" in str(issue.body)


def test_a_build_that_can_be_proposed_closes_the_issue(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    found(workspace)
    look(workspace, hub, days=20)
    found(workspace, chosen="0.1.3")

    look(workspace, hub, days=21)

    assert [issue.state for issue in github.hub.issues] == ["closed"]
    assert kept(workspace).progress is not None


def test_a_build_that_waits_for_its_turn_is_progress_too(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    waits = Postponed(version="0.1.3", reason="waits until 2026-12-01")
    text = documents.dump_json(records.candidate(chosen=None, postponed=waits, refused=()))
    documents.write(workspace.candidate_json, text)

    look(workspace, hub, days=20)

    assert github.hub.issues == []
    assert kept(workspace).progress is not None


@pytest.mark.parametrize(("days", "told"), [(14, True), (30, False)])
def test_the_app_says_after_how_many_days_somebody_is_told(
    workspace: Workspace, hub: Hub, github: GitHubServer, days: int, *, told: bool
) -> None:
    policy = workspace.config.policy.model_copy(update={"stuck_days": days})
    config = workspace.config.model_copy(update={"policy": policy})
    found(workspace)

    look(replace(workspace, config=config), hub, days=20)

    assert bool(github.hub.issues) is told


def test_builds_that_the_gate_refuses_are_no_progress_and_no_failure(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    found(workspace, chosen="0.1.3")

    look(workspace, hub, EngineError("0.2.0 was refused"), days=20)

    assert kept(workspace).failures == 0
    assert len(github.hub.issues) == 1


def test_what_the_gate_refuses_day_after_day_is_told_once_and_kept_up_to_date(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    for day in range(10, 20):
        refused = Refusal(version=f"0.2.{day}", reason="the gate says fail", evidence=("it died",))
        seen = records.candidate(chosen=None, refused=(refused,), decisions=())
        documents.write(workspace.candidate_json, documents.dump_json(seen))
        look(workspace, hub, EngineError("all of it was refused"), days=day)

    (issue,) = github.hub.issues
    assert "`0.2.19` was refused" in str(issue.body)
    assert github.hub.comments == []


def test_the_fifth_poll_in_a_row_that_fails_is_told_with_its_words(
    workspace: Workspace,
    hub: Hub,
    github: GitHubServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for day in range(4):
        look(workspace, hub, DOWN, days=day)
    before = len(github.hub.issues)
    look(workspace, hub, DOWN, days=4)

    said = capsys.readouterr().err
    assert "counted from now on" in said
    assert "5 polls failed in a row" in said
    assert before == 0
    (issue,) = github.hub.issues
    assert "the index did not answer\ncheck the network" in str(issue.body)


def test_a_count_that_got_lost_closes_nothing_and_the_days_are_told_all_the_same(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    for day in range(5):
        look(workspace, hub, DOWN, days=day)
    workspace.polls_json.unlink()

    look(workspace, hub, DOWN, days=6)
    assert [issue.state for issue in github.hub.issues] == ["open"]
    workspace.polls_json.unlink()
    look(workspace, hub, DOWN, days=30)

    (issue,) = github.hub.issues
    assert "No build could be proposed since" in str(issue.body)
    assert "The last poll failed, with:" in str(issue.body)


def test_a_pin_file_that_the_repository_lacks_counts_from_the_first_look(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    found(workspace)
    moved = Path("pins/llama.cpp.yaml").rename("pins/new.yaml")
    config = Path("engine-ci.yaml")
    config.write_text(config.read_text().replace("pins/llama.cpp.yaml", moved.as_posix()))
    other = open_workspace(config, pin=None, work=Path(".engine-ci"))

    look(other, hub)
    assert kept(other).progress == kept(other).since
    look(other, hub, days=15)

    assert len(github.hub.issues) == 1


def test_when_nothing_is_to_be_told_a_server_without_issues_ends_no_run(
    workspace: Workspace,
    hub: Hub,
    github: GitHubServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found(workspace)
    github.faults.add(Fault(LIST, status=410, message="Issues has been disabled"))

    look(workspace, hub)

    assert "no issue was looked for" in capsys.readouterr().err


def test_when_somebody_has_to_be_told_and_cannot_be_the_run_fails(
    workspace: Workspace, hub: Hub, github: GitHubServer
) -> None:
    found(workspace)
    github.faults.add(Fault(LIST, status=410, message="Issues has been disabled"))

    with pytest.raises(GitHubError, match="410: Issues has been disabled"):
        look(workspace, hub, days=20)


def test_the_runs_own_error_comes_out_whatever_else_fails(
    workspace: Workspace,
    github: GitHubServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    github.faults.add(Fault("GET .*/pulls", status=400))

    with pytest.raises(OutsideError) as caught:
        ended(workspace, github, DOWN)
    assert caught.value is DOWN
    assert "whether somebody has to be told is not known: example/app" in capsys.readouterr().err
    assert kept(workspace).failures == 1


def test_an_error_is_looked_at_and_comes_out(workspace: Workspace, github: GitHubServer) -> None:
    with pytest.raises(OutsideError):
        ended(workspace, github, DOWN)

    assert kept(workspace).failures == 1


def test_a_bug_is_no_poll(workspace: Workspace, github: GitHubServer) -> None:
    with pytest.raises(ZeroDivisionError):
        ended(workspace, github, ZeroDivisionError())

    assert not workspace.polls_json.exists()


@pytest.mark.usefixtures("toy", "github")
def test_a_run_that_finds_nothing_newer_looks_too(run: CommandLine) -> None:
    ran = run("bump", "--open")

    assert ran.status == Exit.OK
    assert "toy stays at 1.0: nothing is newer\n" in ran.err
    assert Path(".engine-ci/polls-toy.json").exists()


@pytest.mark.usefixtures("toy", "github")
def test_a_poll_that_fails_is_counted_and_ends_with_its_own_status(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")

    ran = run("bump", "--open")

    assert ran.status == Exit.OUTSIDE
    assert "polls that failed are counted from now on" in ran.err
    assert Path(".engine-ci/polls-toy.json").exists()


def watched(run: CommandLine, github: GitHubServer, *arguments: str) -> None:
    ran = run("watch", "--api-url", github.api_url, *arguments)
    assert ran.status == Exit.OK, ran.err


def test_jobs_that_worked_are_a_poll_that_worked(
    run: CommandLine, workspace: Workspace, github: GitHubServer
) -> None:
    found(workspace, chosen="0.1.3")
    before = len(github.requests)

    watched(run, github)

    assert (kept(workspace).failures, kept(workspace).progress is None) == (0, False)
    assert [f"{one.method} {one.path}" for one in github.requests[before:]] == [LIST]


def test_jobs_that_failed_are_counted_until_somebody_is_told_once(
    run: CommandLine, workspace: Workspace, github: GitHubServer
) -> None:
    found(workspace, chosen="0.1.3")

    for _ in range(6):
        watched(run, github, "--failed")

    assert kept(workspace).failures == 6
    (issue,) = github.hub.issues
    assert "a job of the run failed" in str(issue.body)


def test_jobs_that_left_no_record_are_a_poll_that_failed(
    run: CommandLine, workspace: Workspace, github: GitHubServer
) -> None:
    watched(run, github)

    assert kept(workspace).failures == 1


def test_a_job_that_failed_as_the_gate_refused_all_is_no_poll_that_failed(
    run: CommandLine, workspace: Workspace, github: GitHubServer
) -> None:
    documents.write(workspace.candidate_json, documents.dump_json(records.candidate(chosen=None)))

    watched(run, github, "--failed")

    assert (kept(workspace).failures, kept(workspace).progress) == (0, github.hub.created)
