from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import usage
from engine_ci.engine.usage import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[[str], int]

MIB = 1 << 20
NOWHERE = Path("nowhere")
HOLDS = "held = bytearray(os.urandom(1 << 20) * {mib})\n"
FORKS = "if os.fork() == 0: os.write(1, UP); sys.stdin.read(); os._exit(0)\n"


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs a line of Python in a program that then says so and waits; its number."""
    started = []

    def run(line: str) -> int:
        text = (
            f"import os, sys\nUP = b'up' + bytes([10])\n{line}\nos.write(1, UP)\nsys.stdin.read()"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        if "fork" in line:
            assert child.stdout.readline() == b"up\n"
        return child.pid

    yield run
    for child in started:
        child.communicate()


def test_a_family_is_a_process_and_its_descendants(start: Start) -> None:
    pid = start(FORKS)

    first, second = usage.family(pid)

    assert first.pid == pid
    assert second.ppid() == pid


def test_nobody_has_no_family_and_takes_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass

    assert list(usage.family(gone.pid)) == []
    assert usage.cpu_s(gone.pid) == 0
    assert usage.memory(gone.pid) == Memory(own=0, resident=0, peak=0)


def test_computing_shows_in_cpu_seconds_and_waiting_does_not(start: Start) -> None:
    computes = start("import time\nwhile time.process_time() < 0.3: pass")

    before = usage.cpu_s(computes)

    assert before >= 0.29
    assert usage.cpu_s(computes) == pytest.approx(before, abs=0.02)


def test_the_computing_of_a_child_counts(start: Start) -> None:
    idle = start(FORKS)
    child = "import time\nif os.fork() == 0:\n while time.process_time() < 0.3: pass\n "

    busy = start(child + "os.write(1, UP); sys.stdin.read(); os._exit(0)")

    assert usage.cpu_s(busy) >= usage.cpu_s(idle) + 0.2


@pytest.mark.parametrize("proc", [usage._PROC, NOWHERE], ids=["by-proc", "by-psutil"])
def test_what_a_process_fills_is_its_own_memory(start: Start, proc: Path) -> None:
    small, large = start("pass"), start(HOLDS.format(mib=32))

    difference = usage.memory(large, proc=proc).own - usage.memory(small, proc=proc).own

    assert 30 * MIB < difference < 36 * MIB


@pytest.mark.parametrize("proc", [usage._PROC, NOWHERE], ids=["by-proc", "by-psutil"])
def test_the_memory_of_a_child_counts(start: Start, proc: Path) -> None:
    alone = start(HOLDS.format(mib=32))
    child = "if os.fork() == 0:\n " + HOLDS.format(mib=64)

    forked = start(f"{child} os.write(1, UP); sys.stdin.read(); os._exit(0)")

    assert usage.memory(forked, proc=proc).own > usage.memory(alone, proc=proc).own + 20 * MIB


def test_the_peak_stays_when_memory_is_given_back(start: Start) -> None:
    found = usage.memory(start(HOLDS.format(mib=64) + "del held"))

    assert found.peak > found.own + 50 * MIB


def test_pages_that_were_swapped_out_count(tmp_path: Path) -> None:
    status = tmp_path / str(os.getpid()) / "status"
    status.parent.mkdir()
    status.write_text(
        "Name:\tx\nVmHWM:\t  100 kB\nVmRSS:\t   60 kB\nRssAnon:\t   40 kB\nVmSwap:\t    2 kB\n"
    )

    found = usage.memory(os.getpid(), proc=tmp_path)

    assert found == Memory(own=42 << 10, resident=60 << 10, peak=100 << 10)


def test_a_process_that_ends_meanwhile_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def gone(_: psutil.Process) -> None:
        raise psutil.NoSuchProcess(1)

    monkeypatch.setattr(psutil.Process, "cpu_times", gone)

    assert usage.memory(os.getpid(), proc=tmp_path) == Memory(own=0, resident=0, peak=0)
    assert usage.cpu_s(os.getpid()) == 0
