"""Takes the time of an engine without the time in which a thread waited for a core.

On a busy host a thread that could go on often has to wait until a core is free. Linux counts how
long (`/proc/PID/task/TID/schedstat`). What is left of the clock is time in which the engine
computed, or did nothing although nobody kept it from working.

Threads that waited at the same time are counted twice, ours beside the engine's. So the time taken
is never less than what the engine computed in it, nor more than the clock says. An engine that
sleeps could hide behind that. So the thread that computes the most is looked at by itself too: how
long it was idle every time that the same was asked, or at most steps of a stream.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.engine import usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROC: Final = Path("/proc")
_SELF: Final = ("self",)
_GONE: Final = (FileNotFoundError, ProcessLookupError)
_NANO: Final = 1e-9


class Thread(NamedTuple):
    """What one thread has had since its start, in nanoseconds.

    Attributes:
        computed: on a core.
        waited: ready to compute, without a core.
    """

    computed: int
    waited: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A moment.

    Attributes:
        at: as `time.perf_counter` says, in seconds.
        engine: the threads of the engine's whole family by number; empty where none are counted.
        ours: those of this process.
    """

    at: float
    engine: Mapping[int, Thread]
    ours: Mapping[int, Thread]


class Stopwatch:
    """Marks moments of one engine's work."""

    def __init__(self, pid: int, *, proc: Path = _PROC) -> None:
        """`pid` is the engine's; `proc` is Linux's, and elsewhere it does not exist."""
        self._proc = proc
        # Looked for once: that takes longer than to read all the counts.
        self._family = [process.pid for process in usage.family(pid)]

    def mark(self, *, at: float | None = None) -> Mark:
        """This moment, or `at`, which is a little while ago."""
        engine = _threads(self._family, proc=self._proc)
        ours = _threads(_SELF, proc=self._proc)
        return Mark(at=time.perf_counter() if at is None else at, engine=engine, ours=ours)


def elapsed(begin: Mark, end: Mark, *, idle: float = 0.0) -> float:
    """Seconds between two marks, without waits; `idle` of them the engine slept, as others told."""
    clock = end.at - begin.at
    engine, ours = _had(begin.engine, end.engine), _had(begin.ours, end.ours)
    least = max(_computed_s(engine) + max(0.0, idle), clock - _waited_s(engine) - _waited_s(ours))
    # Counts lag behind by a few milliseconds: where nothing is left, only the clock has told.
    return min(clock, least) or clock


def idle(begin: Mark, end: Mark, *, thread: int | None = None) -> float:
    """Seconds in which the engine did not compute, though one thread had not to wait for a core.

    The one that computed the most, if none is given. What other threads waited for is among them.
    """
    engine = _had(begin.engine, end.engine)
    thread = _busiest(engine) if thread is None else thread
    waited = _waited_s({number: had for number, had in engine.items() if number == thread})
    return end.at - begin.at - _computed_s(engine) - waited


def streamed(marks: Sequence[Mark]) -> float:
    """Seconds from the first mark to the last, without waits; each mark is a step of the engine."""
    begin, end = marks[0], marks[-1]
    thread = _busiest(_had(begin.engine, end.engine))
    steps = sorted(idle(*step, thread=thread) for step in pairwise(marks))
    # Two steps of three were idle for longer. Whom another thread kept from a lock was idle too,
    # now and then: the median had twice the noise.
    return elapsed(begin, end, idle=steps[len(steps) // 3] * len(steps) if steps else 0.0)


def waited_s(pid: int, *, proc: Path = _PROC) -> float:
    """Seconds that a family of processes was ready to compute and had no core, since its start.

    0 where the system does not tell.
    """
    return _waited_s(_threads([process.pid for process in usage.family(pid)], proc=proc))


def counts_waits(*, proc: Path = _PROC) -> bool:
    """Whether this system says how long threads wait; one that could and does not says zeros."""
    return any(thread.computed for thread in _threads(_SELF, proc=proc).values())


def _busiest(threads: Mapping[int, Thread]) -> int | None:
    return max(threads, key=lambda number: threads[number].computed, default=None)


def _had(begin: Mapping[int, Thread], end: Mapping[int, Thread]) -> dict[int, Thread]:
    """What each thread that is there in the end has had in between; new ones began at nothing."""
    nothing = Thread(0, 0)
    return {
        number: Thread(
            computed=thread.computed - begin.get(number, nothing).computed,
            waited=thread.waited - begin.get(number, nothing).waited,
        )
        for number, thread in end.items()
    }


def _computed_s(threads: Mapping[int, Thread]) -> float:
    return sum(thread.computed for thread in threads.values()) * _NANO


def _waited_s(threads: Mapping[int, Thread]) -> float:
    return sum(thread.waited for thread in threads.values()) * _NANO


def _threads(pids: Sequence[int | str], *, proc: Path) -> dict[int, Thread]:
    found = {}
    for pid in pids:
        with suppress(*_GONE):
            for task in os.scandir(proc / str(pid) / "task"):
                with suppress(*_GONE):
                    found[int(task.name)] = _thread(f"{task.path}/schedstat")
    return found


def _thread(path: str) -> Thread:
    # Between two tokens every tenth of a millisecond counts, and pathlib would take two.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        computed, waited, _ = os.read(descriptor, 100).split()
    finally:
        os.close(descriptor)
    return Thread(int(computed), int(waited))
