"""An example app to stand in, and a command line."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from engine_ci.system.github_connection import Connection
from engine_ci.system.github_issues import Issues
from fixtures.github import Login
from tests.unit.artifact import wheels
from tests.unit.cli.command import CommandLine, app_in, write_pin
from tests.unit.cli.hosted import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.github import GitHubServer
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
    tokens = {secrets.token_hex(20): Login("engine-ci[bot]", write=True)}
    with serving(app, tmp_path, monkeypatch, tokens=tokens) as server:
        # Nobody needs to wait between two writes of a server of our own.
        for make in (Connection.__init__, Issues.__init__):
            usual = make.__kwdefaults__ or {}
            monkeypatch.setattr(make, "__kwdefaults__", usual | {"write_pause_s": 0.0})
        yield server


@pytest.fixture
def hosted(
    app: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHubServer]:
    """The same for who may only read, as the token of a workflow that decides."""
    assert home.exists()
    tokens = {secrets.token_hex(20): Login("github-actions[bot]")}
    with serving(app, tmp_path, monkeypatch, tokens=tokens) as server:
        yield server
    assert {record.method for record in server.requests if record.operation} <= {"GET"}
