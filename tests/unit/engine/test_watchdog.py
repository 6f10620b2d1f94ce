from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Group = Callable[..., subprocess.Popen[bytes]]

_IGNORE_TERM = "trap '' TERM; "


@pytest.fixture
def group() -> Iterator[Group]:
    """Starts a process that leads a group of its own and waits for ever."""
    started = []

    def start(*, before: str = "") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"{before}echo; while :; do sleep 60; done"],
            stdout=subprocess.PIPE,
            process_group=0,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def lifeline() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        with suppress(OSError):
            os.close(end)


def test_the_group_is_ended_when_the_lifeline_ends(group: Group, lifeline: tuple[int, int]) -> None:
    process = group()
    os.close(lifeline[1])

    watchdog.watch(lifeline[0], group=process.pid, grace_s=0.5)

    assert process.wait(5) == -signal.SIGTERM


def test_a_group_that_ignores_the_request_is_killed_after_the_grace(
    group: Group, lifeline: tuple[int, int]
) -> None:
    process = group(before=_IGNORE_TERM)
    os.close(lifeline[1])

    begin = time.monotonic()
    watchdog.watch(lifeline[0], group=process.pid, grace_s=0.05)

    assert process.wait(5) == -signal.SIGKILL
    assert time.monotonic() - begin >= 0.05


def test_what_is_written_into_the_lifeline_is_no_end(
    group: Group, lifeline: tuple[int, int]
) -> None:
    process = group()
    os.write(lifeline[1], b"noise")
    os.close(lifeline[1])

    watchdog.watch(lifeline[0], group=process.pid, grace_s=0)

    assert os.read(lifeline[0], 1) == b""


def test_the_program_says_that_it_stands_and_takes_the_lifeline_from_its_input(
    group: Group,
    lifeline: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    process = group()
    os.close(lifeline[1])
    monkeypatch.setattr(sys, "argv", ["watchdog.py", str(process.pid), "0.5"])
    kept = os.dup(0)
    os.dup2(lifeline[0], 0)
    try:
        runpy.run_path(watchdog.__file__, run_name="__main__")
    finally:
        os.dup2(kept, 0)
        os.close(kept)

    assert process.wait(5) == -signal.SIGTERM
    assert capfd.readouterr().out.encode() == watchdog.READY


def test_a_supervisor_that_died_before_the_watchdog_stood_does_not_stop_it(
    lifeline: tuple[int, int],
) -> None:
    os.close(lifeline[0])

    watchdog.announce(lifeline[1])

    with pytest.raises(BrokenPipeError):
        os.write(lifeline[1], b"nobody reads this")


def test_group_0_is_the_group_of_the_watchdog_which_goes_with_it() -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", watchdog.__file__, "0", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    )
    process.communicate()

    assert process.returncode == -signal.SIGTERM
