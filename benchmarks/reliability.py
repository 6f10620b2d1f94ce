"""What the engine runtime costs, how soon its waits are cut short, and what outlives it.

Run as `python -m benchmarks.reliability`. The engines are small Python programs that answer like a
`llama-server`, so that the numbers are the runtime's. It takes a minute on an idle machine.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from engine_ci.engine.restarts import ONCE, Policy
from engine_ci.engine.runtime import Runtime
from engine_ci.engine.supervisor import Start
from tests.unit.engine.conftest import Life, command, write_stand_in
from tests.unit.engine.kills import killed
from tests.unit.engine.launches import Stage, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.ready_engine import Engine

ROUNDS = 40
CHANGES = 10_000
ENGINES = 50
KILLS = 20
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


class Folder:
    """Where programs, a model and logs lie."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path / "model.gguf"
        self.model.write_bytes(b"GGUF" + bytes(20))
        self._life = Life(path / "life")
        self._count = 0

    def start(self, change: str = "", *, grace_s: float = 5.0) -> partial[Start]:
        """Starts of a program that is changed so."""
        self._count += 1
        program = write_stand_in(self.path / f"llama-server-{self._count}", self._life, change)
        log = self.path / f"log-{self._count}"
        return partial(Start, command(program, model=self.model), log=log, grace_s=grace_s)


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(Path(name))
        print(f"load of the host: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        overhead(folder)
        transitions()
        cuts(folder)
        together(folder)
        kills(folder)


def overhead(folder: Folder) -> None:
    """A start and an end, with the runtime and without, in turns."""
    start = folder.start()
    taken: dict[str, list[tuple[float, float]]] = {"bare": [], "runtime": []}
    for _ in range(ROUNDS):
        with measured(taken["bare"]), start():
            pass
        with measured(taken["runtime"]), Runtime(start, name="it", policy=ONCE) as runtime:
            runtime.start()
            runtime.ready()
    for number, what in enumerate(("clock", "our processor time")):
        bare, ours = (statistics.median(each[number] for each in taken[name]) for name in taken)
        print(f"one start and end, {what}: bare {bare:.2f} ms, runtime {ours:.2f} ms")


def transitions() -> None:
    """Changes of state of engines that cost nothing, with three listeners."""
    stage = Stage()
    listeners = [stage.channel.listen() for _ in range(3)]
    taken: list[tuple[float, float]] = []
    with measured(taken):
        for _ in range(CHANGES // 4):
            stage.start()
            stage.runtime.stop()
    told = stage.close()
    assert len(changes(told)) == CHANGES
    assert all(list(listener) == told for listener in listeners)
    ((clock, processor),) = taken
    print(
        f"{CHANGES} changes, three listeners: {clock / CHANGES:.3f} ms each by the clock, "
        f"{processor / CHANGES:.3f} ms by the processor; lost, doubled or out of order: 0"
    )


def cuts(folder: Folder) -> None:
    """From a request to stop until nothing is left, in each of the waits."""
    waits: dict[str, tuple[str, Callable[[Runtime[Engine]], None], bool]] = {
        "backoff": ("sys.exit(1)", partial(until, name="restarting"), False),
        "readiness": ("never()", lambda _: time.sleep(0.3), False),
        "health": ("", suspend, True),
        "grace": (STUBBORN, stop_in_vain, True),
    }
    for name, (change, wait, at_once) in waits.items():
        policy = Policy(first_s=1000, longest_s=1000, health_every_s=0.1)
        with Runtime(folder.start(change, grace_s=1000), name="it", policy=policy) as runtime:
            runtime.start()
            wait(runtime)
            taken: list[tuple[float, float]] = []
            with measured(taken):
                runtime.stop(at_once=at_once)
        print(f"stop in the wait for {name}: {taken[0][0]:.1f} ms")


def until(runtime: Runtime[Engine], *, name: str) -> None:
    """Waits for a state."""
    runtime.wait_for(lambda state: state.name == name)


def suspend(runtime: Runtime[Engine]) -> None:
    """Has a check of its health hang."""
    os.kill(runtime.ready().pid, signal.SIGSTOP)
    time.sleep(0.3)


def stop_in_vain(runtime: Runtime[Engine]) -> None:
    """Has an engine that ignores the request in its grace."""
    runtime.ready()
    threading.Thread(target=runtime.stop).start()
    until(runtime, name="stopping")


def together(folder: Folder) -> None:
    """Engines that start at the same time, and end at the same time."""
    start = folder.start()
    runtimes = [Runtime(start, name=f"{number}", policy=ONCE) for number in range(ENGINES)]
    began = time.perf_counter()
    for runtime in runtimes:
        runtime.start()
    engines = [runtime.ready() for runtime in runtimes]
    ready = time.perf_counter()
    with ThreadPoolExecutor(ENGINES) as pool:
        list(pool.map(Runtime.close, runtimes))
    ended = time.perf_counter()
    assert not any(psutil.pid_exists(engine.pid) for engine in engines)
    print(
        f"{ENGINES} engines at once: ready in {ready - began:.1f} s, ended in {ended - ready:.1f} s"
    )


def kills(folder: Folder) -> None:
    """What is left of a supervisor that is killed at a random moment, and for how long."""
    start = folder.start("threading.Timer(0.15, os._exit, [7]).start()")
    program, log = start.args[0], folder.path / "log"
    count, longest = 0, 0.0
    for family in killed(program, model=folder.model, log=log, times=KILLS, seed=7):
        began = time.perf_counter()
        while any(runs(process) for process in family):
            assert time.perf_counter() - began < 20
            time.sleep(0.005)
        count, longest = count + len(family), max(longest, time.perf_counter() - began)
    print(
        f"{KILLS} supervisors killed at random moments: {count} processes were there, "
        f"the last was gone after {longest * 1000:.0f} ms; left: 0"
    )


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended, whoever its parent is now and when that looks after it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def measured(taken: list[tuple[float, float]]) -> Iterator[None]:
    """Adds milliseconds of the clock, and of this process's processor time."""
    began, before = time.perf_counter(), _processor()
    yield
    taken.append((1000 * (time.perf_counter() - began), 1000 * (_processor() - before)))


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
