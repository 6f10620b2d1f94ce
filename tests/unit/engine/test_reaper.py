"""An engine that nobody supervises any more is ended, and nobody else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine import reaper
from engine_ci.engine.reaper import Supervisor
from tests.unit.engine import kills

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.engine.conftest import Life, StandIn

    Spawn = Callable[[dict[str, str]], subprocess.Popen[bytes]]

IDLE = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts an idle process with this environment, which is there when it is given."""
    started: list[subprocess.Popen[bytes]] = []

    def start(env: dict[str, str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(IDLE, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def gone() -> Supervisor:
    """One that is there no more, with the number of one that is."""
    (pid, created, namespace) = reaper.read(reaper.mark()) or pytest.fail("no mark")
    return Supervisor(pid, created - 1, namespace)


@pytest.mark.parametrize("change", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_who_lost_supervisor_and_watchdog_is_ended(
    stand_in: StandIn, life: Life, tmp_path: Path, change: str
) -> None:
    program = stand_in(change)
    with kills.supervisor(tmp_path, program) as supervisor:
        assert supervisor.stdout is not None
        watchdog, engine = (int(supervisor.stdout.readline()) for _ in range(2))
        assert supervisor.stdout.readline() == "listening\n"
        assert engine not in reaper.reap()
        os.kill(watchdog, signal.SIGKILL)
        supervisor.kill()
    assert not life.is_over(within_s=0.1)

    assert engine in reaper.reap(grace_s=0.2)

    assert life.is_over()
    assert engine not in reaper.reap()


def test_who_has_no_mark_or_one_that_is_none_is_not_ours(spawn: Spawn) -> None:
    others = [spawn({}), spawn({reaper.VARIABLE: "mine"}), spawn({reaper.VARIABLE: "1 soon pid"})]

    reaper.reap()

    assert all(process.poll() is None for process in others)


def test_whose_supervisor_lives_is_left_alone(spawn: Spawn) -> None:
    engine = spawn({reaper.VARIABLE: reaper.mark()})

    assert engine.pid not in reaper.reap()
    assert engine.poll() is None


def test_a_number_that_somebody_else_has_now_is_no_supervisor(spawn: Spawn) -> None:
    engine = spawn({reaper.VARIABLE: str(gone())})

    assert engine.pid in reaper.reap()


def test_a_number_that_nobody_has_is_no_supervisor(spawn: Spawn) -> None:
    past = subprocess.Popen([sys.executable, "-c", ""])
    past.wait()
    engine = spawn({reaper.VARIABLE: str(gone()._replace(pid=past.pid))})

    assert engine.pid in reaper.reap()


def test_who_has_ended_is_no_supervisor_though_nobody_has_asked_how(spawn: Spawn) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as past:
        os.waitid(os.P_PID, past.pid, os.WEXITED | os.WNOWAIT)
        late = gone()._replace(pid=past.pid, created=reaper.began(past.pid))
        engine = spawn({reaper.VARIABLE: str(late)})

        assert engine.pid in reaper.reap()


def test_of_another_container_there_is_no_telling(spawn: Spawn) -> None:
    engine = spawn({reaper.VARIABLE: str(gone()._replace(namespace="pid:[1]"))})

    assert engine.pid not in reaper.reap()
    assert engine.poll() is None


def test_who_ends_meanwhile_is_no_trouble(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = spawn({reaper.VARIABLE: str(gone())})

    def refuse(process: psutil.Process) -> None:
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, "terminate", refuse)
    monkeypatch.setattr(psutil.Process, "kill", refuse)

    assert engine.pid in reaper.reap(grace_s=0.01)


def test_a_system_without_such_folders_has_no_namespaces_and_a_clock_that_keeps_what_it_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reaper, "_PROC", tmp_path / "none")

    assert reaper.namespace(os.getpid()) == ""
    assert reaper.began(os.getpid()) == psutil.Process().create_time()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system notes the time of day")
def test_when_the_clock_was_set_meanwhile_a_supervisor_lives_all_the_same(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = spawn({reaper.VARIABLE: reaper.mark()})
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 86_400)

    assert engine.pid not in reaper.reap()
    assert engine.poll() is None


@given(st.builds(Supervisor, st.integers(1), st.floats(0, 1e12), st.text()))
def test_a_mark_is_read_as_it_was_written(supervisor: Supervisor) -> None:
    assert reaper.read(str(supervisor)) == supervisor
