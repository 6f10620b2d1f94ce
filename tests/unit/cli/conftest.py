"""An example app to stand in, and a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from tests.unit.artifact import wheels
from tests.unit.cli.command import CommandLine, app_in, write_pin
from tests.unit.cli.hosted import TOKEN, serving

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
def hosted(
    app: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHubServer]:
    """The app on an embedded GitHub that may only be read, and a clone as the current folder."""
    assert home.exists()
    with serving(app, tmp_path) as server:
        monkeypatch.chdir(tmp_path / "clone")
        monkeypatch.setenv(doors.TOKEN, TOKEN)
        monkeypatch.setenv("GITHUB_API_URL", server.api_url)
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        yield server


@pytest.fixture
def toy(app: Path, index: Index, tmp_path: Path) -> Index:
    """An app that pins the toy engine, 1.0 of it."""
    published = index.publish(wheels.wheel(tmp_path, wheels.engine()))
    write_pin(app, published)
    return index
