"""Engines that go wrong in every way, as real processes under a runtime."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine.events import Channel, HealthDegraded, StateChanged
from engine_ci.engine.restarts import Policy
from engine_ci.engine.runtime import Runtime
from engine_ci.engine.states import Failed, Ready
from engine_ci.engine.supervisor import Start
from engine_ci.errors import EngineSilentError, EngineStartError
from tests.unit.engine.conftest import command
from tests.unit.engine.kills import killed
from tests.unit.engine.launches import SOON_S, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine_ci.engine.events import Event
    from engine_ci.engine.ready_engine import Engine
    from tests.unit.engine.conftest import Life, StandIn

QUICK = Policy(budget=1, first_s=0.01, health_every_s=0.05, health_limit_s=0.4)


class Case:
    """A runtime of one program, and all that it tells."""

    def __init__(
        self,
        program: Path,
        *,
        model: Path,
        log: Path,
        ready_timeout_s: float = 60.0,
        grace_s: float = 10.0,
    ) -> None:
        channel = Channel()
        self._channel = channel
        self._listener = channel.listen()
        launch = partial(
            Start,
            command(program, model=model),
            log=log,
            ready_timeout_s=ready_timeout_s,
            grace_s=grace_s,
        )
        self.runtime: Runtime[Engine] = Runtime(launch, name="it", policy=QUICK, events=channel)

    def close(self) -> list[Event]:
        self.runtime.close()
        self._channel.close()
        return list(self._listener)


@pytest.fixture
def case(
    tmp_path: Path, model: Path, stand_in: StandIn, life: Life
) -> Iterator[Callable[..., Case]]:
    """Starts an engine that is changed so; nothing may be left of any in the end."""
    made = []

    def begin(change: str = "", **seconds: float) -> Case:
        made.append(Case(stand_in(change), model=model, log=tmp_path / "log", **seconds))
        made[-1].runtime.start()
        return made[-1]

    yield begin
    for each in made:
        each.close()
    assert life.is_over()


def reasons(told: list[Event]) -> list[str]:
    """Of the changes of state, without numbers."""
    found = [event.reason for event in told if isinstance(event, StateChanged)]
    return [re.sub(r" \d{5}$", "", reason) for reason in found]


def test_one_that_exits_at_once_is_tried_twice_and_then_has_failed(
    case: Callable[..., Case],
) -> None:
    it = case("sys.exit(3)")
    it.runtime.wait()

    state = it.runtime.state
    assert isinstance(state, Failed)
    assert state.attempts == 2
    assert state.last_error.startswith("the engine ended with status 3 ")
    assert changes(it.close()) == ["starting", "restarting", "starting", "failed"]


def test_one_that_exits_after_it_was_ready_is_started_again(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    change = f"""
done, served = {str(tmp_path / "done")!r}, []
first = not os.path.exists(done)
open(done, "w").close()
token = answers["/completion"]
answers["/completion"] = lambda: served.append(1) or token
answers["/health"] = lambda: os._exit(7) if first and served else {{"status": "ok"}}
"""
    it = case(change)

    assert it.runtime.wait_for(lambda state: state.name == "restarting", timeout_s=SOON_S)
    assert it.runtime.ready().client.health()
    told = it.close()
    assert changes(told)[:5] == ["starting", "ready", "restarting", "starting", "ready"]
    assert reasons(told)[2] == "the engine ended with status 7; its last line: listening on"


def test_one_that_is_killed_from_outside_is_started_again(case: Callable[..., Case]) -> None:
    it = case()
    first = it.runtime.ready()

    os.kill(first.pid, signal.SIGKILL)

    assert it.runtime.wait_for(lambda state: state.name == "restarting", timeout_s=SOON_S)
    assert it.runtime.ready().pid != first.pid
    assert "died of SIGKILL" in reasons(it.close())[2]


def test_one_that_is_never_ready_fails_in_time(case: Callable[..., Case]) -> None:
    it = case("never()", ready_timeout_s=0.2)

    with pytest.raises(EngineSilentError, match="GET /health was not ok within"):
        it.runtime.ready()


def test_one_that_is_never_ready_is_stopped_at_once(case: Callable[..., Case]) -> None:
    it = case("never()")
    begin = time.monotonic()
    it.runtime.stop()

    assert time.monotonic() - begin < 10
    assert changes(it.close()) == ["starting", "stopping", "stopped"]


def test_one_that_is_healthy_and_answers_500_is_never_ready(case: Callable[..., Case]) -> None:
    it = case('status["/completion"] = 500')

    with pytest.raises(EngineStartError, match="POST /completion"):
        it.runtime.ready()
    assert "ready" not in changes(it.close())


def test_one_that_hangs_is_warned_of_and_started_again(case: Callable[..., Case]) -> None:
    it = case(grace_s=0.1)
    first = it.runtime.ready()

    os.kill(first.pid, signal.SIGSTOP)

    assert it.runtime.wait_for(lambda state: state.name == "restarting", timeout_s=SOON_S)
    assert it.runtime.ready().pid != first.pid
    told = it.close()
    assert [isinstance(event, HealthDegraded) for event in told[:4]] == [False, False, True, False]
    assert changes(told)[1:4] == ["ready", "stopping", "restarting"]


def test_one_that_computes_for_long_before_it_answers_is_left_alone(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    # A third of the time at most, so that it has not had its CPU time when that is over.
    change = """
import time
asked = []
def slowly():
    asked.append(1)
    begin = time.monotonic()
    while len(asked) == 3 and time.monotonic() - begin < 0.8:
        end = time.process_time() + 0.02
        while time.process_time() < end: pass
        time.sleep(0.06)
    if len(asked) == 5: print("five", flush=True)
    return {"status": "ok"}
answers["/health"] = slowly
"""
    it = case(change)
    it.runtime.ready()
    deadline = time.monotonic() + SOON_S
    while "five" not in (tmp_path / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)

    assert it.runtime.state == Ready()
    assert [event.kind for event in it.close()] == ["runtime.state.changed"] * 4


def test_one_that_ignores_the_request_is_killed_after_the_grace(case: Callable[..., Case]) -> None:
    it = case("signal.signal(signal.SIGTERM, signal.SIG_IGN)", grace_s=0.1)
    engine = it.runtime.ready()

    it.runtime.stop()

    assert engine.stop().killed


def test_the_grace_of_one_that_ignores_the_request_can_be_taken(case: Callable[..., Case]) -> None:
    it = case("signal.signal(signal.SIGTERM, signal.SIG_IGN)", grace_s=1000)
    engine = it.runtime.ready()
    patient = threading.Thread(target=it.runtime.stop)
    patient.start()
    assert it.runtime.wait_for(lambda state: state.name == "stopping", timeout_s=SOON_S)

    it.runtime.stop(at_once=True)

    patient.join(SOON_S)
    assert not patient.is_alive()
    assert engine.stop().killed


@pytest.mark.parametrize("at_once", [False, True])
def test_one_that_is_starting_can_be_stopped_at_any_moment(
    case: Callable[..., Case], *, at_once: bool
) -> None:
    for moment in range(5):
        it = case()
        time.sleep(0.02 * moment)
        it.runtime.stop(at_once=at_once)
        told = changes(it.close())

        assert told in (
            ["starting", "stopping", "stopped"],
            ["starting", "ready", "stopping", "stopped"],
        )


def test_what_it_forks_ends_with_it(case: Callable[..., Case], life: Life) -> None:
    it = case("os.fork() or (signal.signal(signal.SIGTERM, signal.SIG_IGN), never())")
    it.runtime.ready()

    it.runtime.stop()

    assert life.is_over()


def test_what_it_forks_ends_when_it_crashes(case: Callable[..., Case], life: Life) -> None:
    it = case("os.fork() or never()\nsys.exit(1)")
    it.runtime.wait()

    assert life.is_over()


def test_one_that_detaches_itself_has_ended_for_us(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    change = f"""
detached, detaching = os.pipe()
if os.fork():
    os.close(detaching)
    os.read(detached, 1)  # until the other has told who it is
    sys.exit(0)
os.setsid()
with open({str(tmp_path / "pids")!r}, "a") as stream: print(os.getpid(), file=stream)
os.close(detaching)
"""
    it = case(change)
    it.runtime.wait()

    assert isinstance(it.runtime.state, Failed)
    # In a session of its own it is out of the runtime's reach.
    for pid in (tmp_path / "pids").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


def test_fifty_engines_start_and_stop_at_the_same_time(
    stand_in: StandIn, model: Path, tmp_path: Path, life: Life
) -> None:
    program = stand_in()
    cases = [Case(program, model=model, log=tmp_path / f"log-{number}") for number in range(50)]
    for it in cases:
        it.runtime.start()
    engines = [it.runtime.ready() for it in cases]
    assert len({engine.port for engine in engines}) == 50
    assert all(engine.client.health() for engine in engines)

    with ThreadPoolExecutor(50) as pool:
        told = [changes(events) for events in pool.map(Case.close, cases)]

    assert told == [["starting", "ready", "stopping", "stopped"]] * 50
    assert life.is_over()


def test_nothing_outlives_a_supervisor_that_is_killed_at_any_moment(
    stand_in: StandIn, model: Path, tmp_path: Path, life: Life
) -> None:
    program = stand_in("threading.Timer(0.15, os._exit, [7]).start()")
    left = [
        process
        for family in killed(program, model=model, log=tmp_path / "log", times=20, seed=7)
        for process in family
    ]

    _, alive = psutil.wait_procs(left, timeout=SOON_S)
    assert (life.is_over(), alive) == (True, [])
    assert len(left) > 20
