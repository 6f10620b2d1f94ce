"""`propose --open` where the token may not, and where another run does the same."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from engine_ci.cli.main import main
from engine_ci.errors import Exit
from fixtures.github import Fault, GitHubServer, Login
from tests.integration.proposals import BRANCH, left_by_another_run
from tests.unit.cli.test_confirm import WORK, left

if TYPE_CHECKING:
    from tests.unit.cli.command import CommandLine, Ran

__all__ = ["left"]  # the fixture: a release that is chosen, prepared and gated

FORBIDDEN = "Resource not accessible by integration"


@pytest.fixture
def token(left: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of the run, which a test may still take rights from."""
    assert left.api_url
    made = secrets.token_hex(20)
    monkeypatch.setenv(doors.TOKEN, made)
    return made


def opened(run: CommandLine, server: GitHubServer) -> Ran:
    return run("propose", "--open", "--api-url", server.api_url)


def given(server: GitHubServer, token: str, *, write: bool) -> None:
    server.hub.tokens = {**server.hub.tokens, token: Login("engine-ci[bot]", write=write)}


def refused(run: CommandLine, server: GitHubServer, *, token: str) -> str:
    """What a person is told; nothing was done, and the token is nowhere."""
    ran = opened(run, server)
    assert ran.status == Exit.OUTSIDE, ran.err
    assert set(server.repository.branches()) == {"main"}
    assert (server.hub.pulls, server.hub.issues) == ([], [])
    kept = [path for path in (*WORK.rglob("*"), server.log.path) if path.is_file()]
    assert all(token.encode() not in path.read_bytes() for path in kept)
    assert token not in ran.out + ran.err
    return ran.err


def test_a_token_that_is_refused_says_what_it_lacks_and_leaves_nothing_half_done(
    run: CommandLine, left: GitHubServer, token: str
) -> None:
    said = refused(run, left, token=token)
    assert "hint: check the token: it is wrong, expired, or of another server" in said
    assert "re-run the job" in said

    given(left, token, write=False)
    assert "permissions: {contents: write}" in refused(run, left, token=token)

    given(left, token, write=True)
    left.faults.add(Fault("POST .*/pulls", status=403, message=FORBIDDEN))
    said = refused(run, left, token=token)
    assert f"GitHub answered 403: {FORBIDDEN}" in said
    assert "permissions: {contents: write, pull-requests: write}" in said
    assert "Settings, Actions, General" in said
    assert '"Allow GitHub Actions to create and approve pull requests"' in said

    assert opened(run, left).status == Exit.OK
    assert [pull.state for pull in left.hub.pulls] == ["open"]


def test_two_at_once_open_one(left: GitHubServer) -> None:
    together = threading.Barrier(2)
    left.faults.add(Fault("POST .*/pulls", count=2, hold=lambda: together.wait(timeout=60)))

    def ended(_: int) -> int:
        with pytest.raises(SystemExit) as stopped:
            main(("propose", "--open", "--api-url", left.api_url))
        return int(stopped.value.code or 0)

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(ended, range(2)))

    assert statuses == [Exit.OK, Exit.OK]
    (pull,) = left.hub.pulls
    assert "to 1.1" in pull.title
    assert set(left.repository.branches()) == {"main", BRANCH}


def test_who_comes_second_with_another_version_says_so(
    run: CommandLine, left: GitHubServer
) -> None:
    def another() -> None:
        """What a run leaves that proposes 1.2."""
        left_by_another_run(left)
        left.hub.open_pull(
            author="engine-ci[bot]",
            title="Bump toy from 1.0 to 1.2",
            body="<!-- engine-ci: toy 1.2 -->",
            head=BRANCH,
            base="main",
            draft=False,
        )

    left.faults.add(Fault("POST .*/git-receive-pack", hold=another))

    ran = opened(run, left)

    assert ran.status == Exit.OUTSIDE
    assert "another run proposes something else than 1.1 at the same time" in ran.err
    (pull,) = left.hub.pulls
    assert pull.title == "Bump toy from 1.0 to 1.2"
    assert pull.head_sha == left.repository.branches()[BRANCH]
