from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.suites import kv_pressure
from engine_ci.gate.suites.kv_pressure import judge_logs
from engine_ci.records.gate import FaultClass, Status
from tests.unit.gate.contexts import context

if TYPE_CHECKING:
    from pathlib import Path

FATAL = ("GGML_ASSERT",)


def test_logs_without_a_fatal_line_pass(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("ready\n")

    assert judge_logs({tmp_path / "log": FATAL}).status is Status.PASS


def test_each_log_is_searched_for_what_is_fatal_there(tmp_path: Path) -> None:
    for name in ("room", "no-room"):
        (tmp_path / name).write_text("GGML_ASSERT(n) failed\nfailed to find a memory slot\n")

    found = judge_logs({tmp_path / "room": (*FATAL, "memory slot"), tmp_path / "no-room": FATAL})

    assert (found.status, found.observed) == (Status.FAIL, "3 differences")
    assert found.detail.count("memory slot") == 1


def test_a_log_that_is_missing_fails(tmp_path: Path) -> None:
    found = judge_logs({tmp_path / "engine.log": FATAL})

    assert (found.status, found.detail) == (Status.FAIL, "engine.log is missing")


def test_without_an_engine_there_is_no_log_to_judge() -> None:
    with pytest.raises(NotAskedError, match="no engine was started"):
        judge_logs({})


def test_without_a_model_nothing_is_asked() -> None:
    (check,) = kv_pressure.run(context(models=()))

    assert (check.id, check.status) == ("kv-pressure/log", Status.SKIP)
    assert check.fault_class is FaultClass.KV
