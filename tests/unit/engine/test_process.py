from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import process as processes
from engine_ci.engine.process import Process, Stopped
from engine_ci.errors import EngineStartError, HarnessError
from tests.unit.engine import kills

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.engine.conftest import Life, StandIn

    Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program, and waits until it has written its first line."""
    started = []

    def launch(program: Path, *, until: str = "") -> Process:
        log = tmp_path / "log"
        process = processes.start(
            [str(program), "--port", "0"],
            cwd=tmp_path,
            env=processes.environment(tmp_path),
            log=log,
        )
        started.append(process)
        while until not in log.read_text():
            assert not process.ended(within_s=0.005)
        return process

    yield launch
    for process in started:
        process.stop(grace_s=0)


def test_it_runs_until_it_is_stopped(start: Start, stand_in: StandIn, life: Life) -> None:
    process = start(stand_in(), until="listening")

    assert not process.ended()
    stopped = process.stop(grace_s=10)
    assert (stopped.status, stopped.signal, stopped.killed) == (None, "SIGTERM", False)
    assert stopped.seconds < 10
    assert process.ended()
    assert life.is_over()


def test_all_that_run_can_be_killed_at_once(start: Start, stand_in: StandIn, life: Life) -> None:
    process = start(stand_in(), until="listening")

    processes.kill_all()

    assert process.ended(within_s=10)
    assert process.stop(grace_s=0).signal == "SIGKILL"
    assert life.is_over()
    assert not processes._GROUPS


def test_an_exit_status_on_request_is_reported(start: Start, stand_in: StandIn) -> None:
    change = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    process = start(stand_in(change), until="listening")

    assert process.stop(grace_s=10).status == 7


def test_one_that_ends_by_itself_just_before_it_would_be_killed_was_not(
    start: Start, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(stand_in("signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"), until="list")

    def too_late(ending: Process, _: object) -> bool:
        assert ending.ended(within_s=60)
        return False

    monkeypatch.setattr(Process, "_ends", too_late)

    stopped = process.stop(grace_s=10)
    assert (stopped.status, stopped.signal, stopped.killed) == (0, None, False)


def test_one_that_ignores_the_request_is_killed_after_the_grace(
    start: Start, stand_in: StandIn, life: Life
) -> None:
    change = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    process = start(stand_in(change), until="listening")

    stopped = process.stop(grace_s=0.05)

    assert (stopped.status, stopped.signal, stopped.killed) == (None, "SIGKILL", True)
    assert stopped.seconds >= 0.05
    assert life.is_over()


def test_one_that_still_computes_when_the_grace_is_over_gets_more_of_it(
    start: Start, stand_in: StandIn
) -> None:
    # Half of the time at most, so that it has not had its second of CPU time when one is over.
    change = """
import time
def leave(*_):
    begin = time.monotonic()
    while time.monotonic() - begin < 0.6:
        end = time.process_time() + 0.02
        while time.process_time() < end: pass
        time.sleep(0.06)
    sys.exit(5)
signal.signal(signal.SIGTERM, leave)
"""
    process = start(stand_in(change), until="listening")

    stopped = process.stop(grace_s=0.3)

    assert (stopped.status, stopped.killed) == (5, False)
    assert stopped.seconds >= 0.6


def test_a_second_stop_returns_what_the_first_did(start: Start, stand_in: StandIn) -> None:
    process = start(stand_in(), until="listening")

    assert process.stop(grace_s=10) is process.stop(grace_s=10)


def test_another_thread_can_take_the_grace_from_a_stop(
    start: Start, stand_in: StandIn, life: Life
) -> None:
    change = "signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))"
    process = start(stand_in(change), until="listening")
    log = Path(psutil.Process(process.pid).open_files()[0].path)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(process.stop, grace_s=1000)
        while "asked" not in log.read_text():
            assert not process.ended(within_s=0.005)
        process.kill()
        stopped = stopping.result(10)

    assert (stopped.signal, stopped.killed) == ("SIGKILL", True)
    assert process.stop(grace_s=10) is stopped
    assert life.is_over()


def test_a_kill_after_the_end_hits_nobody(start: Start, stand_in: StandIn) -> None:
    process = start(stand_in(), until="listening")
    stopped = process.stop(grace_s=10)

    process.kill()

    assert process.stop(grace_s=10) is stopped


def test_those_who_wait_for_its_end_are_woken_by_it(start: Start, stand_in: StandIn) -> None:
    process = start(stand_in(), until="listening")
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(process.wait) for _ in range(3)]
        process.stop(grace_s=10)

        assert [each.result(10) for each in waiting] == [None] * 3


def test_one_that_has_ended_by_itself_is_reported_as_it_ended(
    start: Start, stand_in: StandIn
) -> None:
    process = start(stand_in("sys.exit(3)"))

    assert process.ended(within_s=10)
    stopped = process.stop(grace_s=10)
    assert (stopped.status, stopped.signal, stopped.killed) == (3, None, False)


def test_an_end_is_seen_at_once_and_not_after_the_time_allowed(
    start: Start, stand_in: StandIn
) -> None:
    process = start(stand_in("sys.exit(3)"))
    begin = time.monotonic()

    assert process.ended(within_s=60)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("os.fork() or never()", id="a-child-that-waits"),
        pytest.param(
            "os.fork() or (signal.signal(signal.SIGTERM, signal.SIG_IGN), never())",
            id="a-child-that-ignores-the-request",
        ),
        pytest.param("os.fork() or os.fork() or never()", id="a-grandchild"),
    ],
)
def test_what_it_has_forked_ends_with_it(
    start: Start, stand_in: StandIn, life: Life, change: str
) -> None:
    process = start(stand_in(change), until="listening")

    process.stop(grace_s=10)

    assert life.is_over()


def test_what_it_leaves_behind_when_it_ends_by_itself_ends_too(
    start: Start, stand_in: StandIn, life: Life
) -> None:
    process = start(stand_in("os.fork() or never()\nsys.exit(0)"))
    assert process.ended(within_s=10)
    assert not life.is_over(within_s=0)

    process.stop(grace_s=10)

    assert life.is_over()


def test_it_has_a_group_of_its_own_and_its_own_number(start: Start, stand_in: StandIn) -> None:
    process = start(stand_in(), until="listening")

    assert os.getpgid(process.pid) not in (os.getpgrp(), process.pid)
    assert "llama-server" in " ".join(psutil.Process(process.pid).cmdline())


def test_the_engine_holds_none_of_our_descriptors(
    start: Start, stand_in: StandIn, tmp_path: Path
) -> None:
    change = """
held = []
for number in range(200):
    try:
        os.fstat(number)
        held.append(number)
    except OSError:
        pass
print("held", held, "life", life, flush=True)
"""
    start(stand_in(change), until="listening")
    said = (tmp_path / "log").read_text().splitlines()[0]

    assert said == "held [0, 1, 2, 3] life 3"


def test_its_environment_is_ours_in_nothing(
    start: Start, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("LLAMA_ARG_THREADS", "64")
    start(stand_in("print(json.dumps(dict(os.environ)), os.getcwd())"), until="listening")
    said = (tmp_path / "log").read_text().splitlines()[0]

    assert said.endswith(str(tmp_path))
    assert "secret" not in said
    assert "LLAMA_ARG" not in said
    assert '"OMP_WAIT_POLICY": "passive"' in said


def test_both_of_its_outputs_are_in_the_log_which_is_new(
    start: Start, stand_in: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("of an earlier run")
    start(stand_in("print('out', flush=True); print('err', file=sys.stderr)"), until="listening")

    assert (tmp_path / "log").read_text().splitlines()[:2] == ["out", "err"]


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        pytest.param(None, 0, "No such file or directory", id="missing"),
        pytest.param(b"#!/bin/sh\n", 0o644, "Permission denied", id="not-executable"),
        pytest.param(b"\x7fELF garbage", 0o755, "Exec format error", id="no-program"),
    ],
)
def test_what_cannot_be_started_is_an_error_that_says_why(
    start: Start, tmp_path: Path, content: bytes | None, mode: int, reason: str
) -> None:
    program = tmp_path / "llama-server"
    if content is not None:
        program.write_bytes(content)
        program.chmod(mode)

    with pytest.raises(EngineStartError) as caught:
        start(program)

    assert str(caught.value) == f"`{program}` cannot be started: {reason}"


def test_nothing_runs_without_a_watchdog(
    start: Start, stand_in: StandIn, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in()
    monkeypatch.setattr(sys, "executable", "/bin/true")

    with pytest.raises(HarnessError, match=r"the watchdog .* does not run"):
        start(program)

    assert life.is_over()


def test_signals_reach_us_after_a_start_as_before(start: Start, stand_in: StandIn) -> None:
    start(stand_in(), until="listening")

    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_no_process_is_left_after_a_stop(start: Start, stand_in: StandIn) -> None:
    before = psutil.Process().children()  # of earlier tests, such as a pool's resource tracker
    process = start(stand_in(), until="listening")
    assert len(psutil.Process().children()) == len(before) + 2

    process.stop(grace_s=10)

    assert psutil.Process().children() == before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with status 0"),
        (134, "ended with status 134"),
        (-signal.SIGILL, "died of SIGILL (illegal instruction)"),
        (-signal.SIGABRT, "died of SIGABRT (aborted)"),
        (-signal.SIGUSR1, "died of SIGUSR1"),
        (-signal.SIGRTMIN - 1, f"died of signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    stopped = Stopped.of(code, killed=False, seconds=0.0)

    assert str(stopped) == words


def _kill_supervisor(folder: Path, program: Path, *, at: int) -> list[int]:
    """The watchdog and the engine of a supervisor that died of SIGKILL right at the given start.

    At 0 it dies later, when the engine serves.
    """
    with kills.supervisor(folder, program, at=at) as supervisor:
        assert supervisor.stdout is not None
        said = []
        while (line := supervisor.stdout.readline().strip()) not in ("listening", ""):
            said.append(int(line))
        supervisor.kill()
    assert supervisor.returncode == -signal.SIGKILL
    return said


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("", id="obedient"),
        pytest.param("signal.signal(signal.SIGTERM, signal.SIG_IGN)", id="ignores-requests"),
        pytest.param("os.fork() or never()", id="with-a-child"),
    ],
)
def test_nothing_outlives_a_supervisor_that_is_killed(
    stand_in: StandIn, life: Life, tmp_path: Path, change: str
) -> None:
    watchdog, engine = _kill_supervisor(tmp_path, stand_in(change), at=0)

    assert life.is_over()
    assert _is_gone(engine)
    assert _is_gone(watchdog)


@pytest.mark.parametrize("at", [1, 2], ids=["before-the-engine-starts", "when-it-has-just-started"])
def test_there_is_no_moment_at_which_a_killed_supervisor_leaves_something(
    stand_in: StandIn, tmp_path: Path, at: int
) -> None:
    left = _kill_supervisor(tmp_path, stand_in(), at=at)

    assert len(left) == at
    assert all(_is_gone(pid) for pid in left)


def _is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False
