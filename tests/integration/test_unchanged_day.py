"""A day on which nothing is newer: what it costs, through the command line."""

from __future__ import annotations

import secrets
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from engine_ci.errors import Exit
from engine_ci.pins import store
from fixtures.github import GitHubServer, Login
from tests.integration.upstreams import Upstream
from tests.unit.cli.command import CommandLine, app_in
from tests.unit.releases.upstream import pin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.github.log import Record

ISSUES, PULLS = "GET /repos/example/app/issues", "GET /repos/example/app/pulls"
RELEASES = "GET /repos/ggml-org/llama.cpp/releases"


@pytest.fixture
def servers(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[GitHubServer, GitHubServer]]:
    """The server of the app and that of upstream, which has nothing newer than the app's pin."""
    app = app_in(tmp_path)
    (app / "pins" / "llama.cpp.yaml").write_text(store.dump(pin()), encoding="utf-8")
    token = secrets.token_hex(20)
    tokens = {token: Login("engine-ci[bot]", write=True)}
    with (
        GitHubServer.start(tmp_path / "own", tokens=tokens, seed=app) as own,
        GitHubServer.start(
            tmp_path / "upstream", tokens={}, owner="ggml-org", repository="llama.cpp"
        ) as upstream,
    ):
        Upstream(upstream, home).publish(11194)
        subprocess.run(["git", "clone", "--quiet", own.clone_url, tmp_path / "clone"], check=True)
        monkeypatch.chdir(tmp_path / "clone")
        monkeypatch.setenv(doors.TOKEN, token)
        monkeypatch.setenv("GITHUB_API_URL", own.api_url)
        monkeypatch.setenv("GITHUB_REPOSITORY", "example/app")
        monkeypatch.setenv(doors.API, upstream.api_url)
        monkeypatch.setenv("ENGINE_CI_RELEASES_URL", upstream.api_url)
        yield own, upstream


@pytest.mark.parametrize(
    "commands", [(("detect",), ("watch",)), (("bump", "--open"),)], ids=["detect and watch", "bump"]
)
def test_an_unchanged_day_makes_three_requests_and_writes_nothing(
    capsys: pytest.CaptureFixture[str],
    servers: tuple[GitHubServer, GitHubServer],
    commands: tuple[tuple[str, ...], ...],
) -> None:
    run = CommandLine(capsys)

    def asked() -> list[Record]:
        before = [len(server.requests) for server in servers]
        for command in commands:
            ran = run(*command)
            assert ran.status == Exit.OK, ran.err
        return [
            each
            for server, begin in zip(servers, before, strict=True)
            for each in server.requests[begin:]
        ]

    asked()
    second = asked()

    assert sorted(f"{each.method} {each.path}" for each in second) == [ISSUES, PULLS, RELEASES]
    (releases,) = (each for each in second if f"{each.method} {each.path}" == RELEASES)
    assert releases.status == 304
