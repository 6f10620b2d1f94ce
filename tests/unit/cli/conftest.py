"""An example app to stand in, and a command line."""

from __future__ import annotations

import secrets
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from engine_ci.system.github_issues import Issues
from fixtures.github import GitHubServer, Login
from tests.unit.artifact import wheels
from tests.unit.cli.command import CommandLine, app_in, write_pin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.artifact.wheels import Index


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = app_in(tmp_path)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def toy(app: Path, index: Index, tmp_path: Path) -> Index:
    """An app that pins the toy engine, 1.0 of it."""
    published = index.publish(wheels.wheel(tmp_path, wheels.engine()))
    write_pin(app, published)
    return index


@pytest.fixture
def github(
    app: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHubServer]:
    """The app on a server, and a clone of it as the current folder."""
    assert home.exists()
    token = secrets.token_hex(20)
    tokens = {token: Login("engine-ci[bot]", write=True)}
    with GitHubServer.start(tmp_path / "github", tokens=tokens, seed=app) as server:
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "--quiet", server.clone_url, str(clone)], check=True)
        monkeypatch.chdir(clone)
        monkeypatch.setenv(doors.TOKEN, token)
        monkeypatch.setenv("GITHUB_API_URL", server.api_url)
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        # Nobody needs to wait between two writes of a server of our own.
        monkeypatch.setattr(Issues.__init__, "__kwdefaults__", {"write_pause_s": 0.0})
        yield server
    assert [record for record in server.requests if record.problem] == []
