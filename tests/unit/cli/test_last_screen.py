"""The last screen on a terminal: cut where it ends, with colours or without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import last_screen, report
from engine_ci.cli.workspace import open_workspace
from engine_ci.errors import EngineError, HarnessError, UsageError
from engine_ci.records.gate import Status, Verdict
from tests.unit.cli.command import app_in
from tests.unit.report.build import PASSED, REFUSED, check, result

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace

FOLDER = Path("gate")
LONG = result(check("loads/a", Status.FAIL, observed="x" * 300), verdict=Verdict.FAIL)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    app = app_in(tmp_path)
    return open_workspace(app / "engine-ci.yaml", pin=None, work=app / "work")


def test_labels_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    last_screen.show(REFUSED, FOLDER)

    assert capsys.readouterr().err == (
        "FAIL llama.cpp 0.2.0 against 0.1.2: 1 of 6 checks failed\n"
        "loads/smollm2 (crash-load)\n"
        "  expected  ready\n"
        "  observed  ended with SIGABRT before it was ready\n"
        "  evidence  \\x1b[31mred\n"
        "report      gate/gate.html\n"
        "all of it   gate/gate.json, and gate/logs\n"
        "next        each one's evidence is in the report; `--suite loads` asks it again\n"
        "            for a build that is at fault: `engine-ci hold 0.2.0 --reason …`\n"
    )


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_no_line_is_wider_than_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    last_screen.show(LONG, FOLDER)

    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) == columns
    assert any(line.endswith("x…") for line in lines)


def test_colours_are_there_where_they_are_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    last_screen.show(REFUSED, FOLDER)

    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("\x1b[31m")
    assert second.startswith("\x1b[36m")


def test_what_passed_leaves_the_screen_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    last_screen.show(PASSED, FOLDER)

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [EngineError("all was refused"), HarnessError("not asked")])
def test_after_the_error_of_a_bump_the_newest_gate_is_shown(
    workspace: Workspace, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    report.write(PASSED, workspace.refused / "0.1.9")
    report.write(REFUSED, workspace.refused / "0.2.0")
    os.utime(workspace.refused / "0.1.9" / "gate.json", ns=(0, 0))

    with pytest.raises(type(error)), last_screen.of_failure(workspace):
        raise error

    assert capsys.readouterr().err.startswith("FAIL llama.cpp 0.2.0")


def test_where_nothing_was_gated_there_is_nothing_to_show(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineError), last_screen.of_failure(workspace):
        raise EngineError("it could not be prepared")

    assert capsys.readouterr().err == ""


def test_other_errors_are_about_something_else(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    report.write(REFUSED, workspace.gate)

    with pytest.raises(UsageError), last_screen.of_failure(workspace):
        raise UsageError("no token")

    assert capsys.readouterr().err == ""
