"""`make contract` as a person runs it, with an embedded GitHub where the real one would be."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from engine_ci.errors import OutsideError
from engine_ci.system import documents
from engine_ci.system.rest import GITHUB
from fixtures.github import Fault, GitHubServer, Login
from tests.contract import __main__ as command
from tests.contract import record
from tests.contract.place import Place
from tests.contract.real import RealRun
from tests.fixtures.clients import WorkingCopy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TOKEN = secrets.token_hex(20)
REPOSITORY = "example/app-scratch"
SKIPPED = {
    "test_who_may_read_only_does_not_write": "needs a token that may read only",
    "test_who_may_read_only_does_not_push": "needs a token that may read only",
    "test_a_collaborator_is_asked_for_a_review": "needs the login of a collaborator",
    "test_what_a_collaborator_may_do_is_told": "needs the login of a collaborator",
    "test_an_app_puts_a_run_of_a_check_on_a_commit": "needs the token of an app",
    "test_the_rules_of_the_default_branch_are_told": "needs a ruleset",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    """A scratch repository, and the token of a person."""
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "README.md").write_text("# scratch\n")
    tokens = {TOKEN: Login("person", write=True)}
    with GitHubServer.start(
        tmp_path / "hub", tokens=tokens, repository="app-scratch", seed=seed
    ) as running:
        yield running


def environment(server: GitHubServer, *, repository: str = REPOSITORY) -> dict[str, str]:
    return {
        "ENGINE_CI_CONTRACT_REPOSITORY": repository,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": server.api_url,
    }


def contract(server: GitHubServer, *options: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "HOME": str(server.repository.path)}
    return subprocess.run(
        [sys.executable, "-m", "tests.contract", *options],
        cwd=ROOT,
        env=own | environment(server),
        capture_output=True,
        text=True,
        check=False,
    )


def left(server: GitHubServer) -> list[str]:
    """What a run left behind, but for closed pull requests."""
    labels = [label.name for label in server.hub.labels]
    pulls = [pull.title for pull in server.hub.pulls if pull.state == "open"]
    return [*server.repository.branches(), *labels, *pulls]


def test_what_the_token_cannot_do_is_skipped_by_name_and_nothing_is_left(
    server: GitHubServer,
) -> None:
    before = record.RECORD.read_bytes()

    run = contract(server)

    assert run.returncode == 0, run.stdout
    assert f" {len(SKIPPED)} skipped" in run.stdout.splitlines()[-2]
    assert [reason for reason in SKIPPED.values() if reason not in run.stdout] == []
    assert left(server) == ["main"]
    assert len(server.hub.pulls) > 5
    assert run.stdout.splitlines()[-1].startswith("not recorded")
    assert record.RECORD.read_bytes() == before
    assert TOKEN not in run.stdout + run.stderr


def test_after_a_failure_all_is_taken_away_and_no_token_is_shown(server: GitHubServer) -> None:
    server.faults.add(Fault("PATCH .*/pulls/.*", status=500))
    server.faults.add(Fault("POST .*/labels", status=None, late=True))

    run = contract(server, "-k", "edited or label_is_made_once")

    assert run.returncode == 1
    assert "2 failed, 1 passed" in run.stdout
    assert left(server) == ["main"]
    assert TOKEN not in run.stdout + run.stderr


def _branch(work: WorkingCopy) -> None:
    work.push("topic", {"a.txt": "a\n"})


def _tag(work: WorkingCopy) -> None:
    work.git("push", "--quiet", "origin", "main:refs/tags/v1")


def _file(work: WorkingCopy) -> None:
    work.push("main", {"app.py": "\n"})


@pytest.mark.parametrize(
    ("hold", "named"),
    [
        (_branch, "holds refs/heads/topic"),
        (_tag, "holds refs/tags/v1"),
        (_file, "holds the file app.py"),
    ],
)
def test_a_repository_that_holds_something_else_is_not_written_to(
    server: GitHubServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    hold: Callable[[WorkingCopy], None],
    named: str,
) -> None:
    path = str(server.repository.path)
    WorkingCopy(tmp_path).git("clone", "--quiet", path, str(tmp_path / "work"))
    hold(WorkingCopy(tmp_path / "work"))

    assert command.main(environment(server), []) == 2
    assert named in capsys.readouterr().err
    assert {each.method for each in server.requests if "/repos/" in each.path} == {"GET"}


def test_a_repository_with_an_issue_of_somebody_is_not_written_to(
    server: GitHubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.hub.open_issue(author="person", title="help", body=None, labels=[])

    assert command.main(environment(server), []) == 2
    assert "holds #1" in capsys.readouterr().err
    assert {each.method for each in server.requests if "/repos/" in each.path} == {"GET"}


@pytest.mark.parametrize("name", ["example/app", "app-scratch", "a/b/c-scratch", "a/b-scratch?x"])
def test_a_repository_that_is_not_named_as_one_is_not_even_asked(
    server: GitHubServer, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert command.main(environment(server, repository=name), []) == 2
    assert "ends with -scratch" in capsys.readouterr().err
    assert server.requests == []


def test_without_a_repository_and_a_token_nothing_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main({"GITHUB_TOKEN": ""}, []) == 2
    assert "ENGINE_CI_CONTRACT_REPOSITORY and GITHUB_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("api_url", "options", "recorded"),
    [(GITHUB, [], True), (f"{GITHUB}/", [], True), (GITHUB, ["-k", "x"], False), (None, [], True)],
)
def test_only_the_whole_contract_with_github_itself_is_recorded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    api_url: str | None,
    options: list[str],
    *,
    recorded: bool,
) -> None:
    monkeypatch.setattr(record, "RECORD", tmp_path / "contract.json")
    monkeypatch.setattr(record, "PAGE", tmp_path / "contract.md")
    monkeypatch.setattr(command, "_objections", lambda _: [])
    monkeypatch.setattr(pytest, "main", lambda *_, **__: 1)
    environ = {"ENGINE_CI_CONTRACT_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}

    status = command.main(environ | ({"GITHUB_API_URL": api_url} if api_url else {}), options)

    assert status == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == (
        ["contract.json", "contract.md"] if recorded else []
    )


def report(
    name: str,
    outcome: Literal["passed", "failed", "skipped"],
    *,
    when: Literal["setup", "call", "teardown"] = "call",
    reason: str | None = None,
) -> pytest.TestReport:
    longrepr = ("file.py", 1, f"Skipped: {reason}") if reason else None
    return pytest.TestReport(f"f.py::{name}", ("f.py", 1, name), {}, outcome, longrepr, when)


def test_a_run_is_counted_and_shown_with_what_failed_and_why_others_were_skipped() -> None:
    run = RealRun(Place(api_url="", repository=REPOSITORY, token=TOKEN))
    for each in (
        report("a", "passed", when="setup"),
        report("a", "passed"),
        report("a", "passed", when="teardown"),
        report("b", "failed"),
        report("c", "skipped", when="setup", reason="needs an app"),
        report("d", "passed"),
        report("d", "failed", when="teardown"),
    ):
        run.pytest_runtest_logreport(each)

    page = record.page(record.of(run, day="2026-12-01", version="1.2"))

    assert "**Last run against real GitHub: 2026-12-01.**" in page
    assert "With engine-ci 1.2: 2 passed, 2 failed, 1 skipped." in page
    assert "- failed: `b`\n- failed: `d`\n- skipped: `c`: needs an app\n" in page
    assert TOKEN not in page
    assert TOKEN not in repr(run)


def test_the_page_shows_what_the_record_says() -> None:
    kept = documents.load_json(record.RECORD, record.Record, error=OutsideError)

    assert record.PAGE.read_text(encoding="utf-8") == record.page(kept)
    shown = "never" if kept.last is None else kept.last.day
    assert f"**Last run against real GitHub: {shown}.**" in record.PAGE.read_text(encoding="utf-8")
