"""An example app to stand in, and a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.artifact import wheels
from tests.unit.cli.command import CommandLine, app_in, write_pin

if TYPE_CHECKING:
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
