from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import gate
from engine_ci.cli.workspace import Workspace, open_workspace
from engine_ci.errors import UsageError
from tests.unit.cli.command import app_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    app = app_in(tmp_path)
    return open_workspace(app / "engine-ci.yaml", pin=None, work=app / "work")


def test_the_profile_of_the_command_line_stands_above_that_of_the_config(
    workspace: Workspace,
) -> None:
    found = gate.profiled(workspace, "nightly").config.gate

    assert found.performance.profile == "nightly"
    assert found.performance.limit == workspace.config.gate.performance.limit
    assert found.suites == workspace.config.gate.suites


def test_without_one_the_config_decides(workspace: Workspace) -> None:
    assert gate.profiled(workspace, None) is workspace


def test_a_profile_that_nobody_knows_is_refused_with_those_there_are(
    workspace: Workspace,
) -> None:
    with pytest.raises(UsageError, match="expected one of quick, nightly, screen, found hourly"):
        gate.profiled(workspace, "hourly")
