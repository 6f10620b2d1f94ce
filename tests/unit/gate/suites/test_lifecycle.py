from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from engine_ci.engine.process import Stopped
from engine_ci.errors import EngineStartError
from engine_ci.gate.suites import lifecycle
from engine_ci.gate.suites.lifecycle import judge_end, judge_refusal, judge_remains
from engine_ci.records.gate import Status


def stopped(*, status: int | None = 0, signal: str | None = None, killed: bool = False) -> Stopped:
    return Stopped(status=status, signal=signal, killed=killed, seconds=0.25)


def test_an_engine_that_ends_with_status_0_ended_well() -> None:
    found = judge_end(stopped())

    assert (found.status, found.observed) == (Status.PASS, "ended with status 0 after 0.25 s")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (stopped(status=1), "ended with status 1 after 0.25 s"),
        (stopped(status=None, signal="SIGABRT"), "died of SIGABRT (aborted) after 0.25 s"),
        (stopped(status=None, signal="SIGKILL", killed=True), "had to be killed after 0.25 s"),
        (stopped(killed=True), "had to be killed after 0.25 s"),
    ],
)
def test_any_other_end_fails(how: Stopped, expected: str) -> None:
    found = judge_end(how)

    assert (found.status, found.observed) == (Status.FAIL, expected)


def test_processes_that_live_on_fail_by_name() -> None:
    found = judge_remains(("123 (llama-server)",))

    assert (found.status, found.observed) == (Status.FAIL, "alive: 123 (llama-server)")


def test_nothing_left_passes() -> None:
    assert judge_remains(()).status is Status.PASS


@pytest.mark.parametrize(("status", "expected"), [(1, Status.PASS), (0, Status.FAIL)])
def test_a_broken_model_is_to_be_refused_with_a_status_other_than_0(
    status: int, expected: Status
) -> None:
    problem = EngineStartError(f"the engine ended with status {status}", status=status)

    found = judge_refusal(problem)

    assert (found.status, found.observed) == (expected, problem.message)


def test_a_crash_or_a_hang_with_a_broken_model_is_no_refusal() -> None:
    found = judge_refusal(EngineStartError("the engine is not ready", log=("one", "two")))

    assert (found.status, found.detail) == (Status.FAIL, "one\ntwo")


def test_the_dead_whom_nobody_has_reaped_do_not_count_as_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = psutil.Process(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert lifecycle._name(process) == ""

    child.wait()

    assert lifecycle._name(process) == ""
