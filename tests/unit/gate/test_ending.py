from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from engine_ci.engine.process import Stopped
from engine_ci.gate import ending
from engine_ci.gate.ending import judge_end, judge_remains
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


def test_the_dead_whom_nobody_has_reaped_do_not_count_as_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = psutil.Process(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert ending._name(process) == ""

    child.wait()

    assert ending._name(process) == ""
