"""Stops an engine, and judges how it ended and what it left behind."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from engine_ci.engine import usage
from engine_ci.gate.checking import Answer
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from engine_ci.engine.process import Stopped
    from engine_ci.engine.ready_engine import Engine

_DYING_S: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """What was seen when an engine was stopped.

    Attributes:
        alive: processes of its own that outlived it.
    """

    stopped: Stopped
    alive: tuple[str, ...]
    port: int


def end(engine: Engine) -> End:
    """Stops an engine, and looks which of its processes live on."""
    descendants = tuple(usage.family(engine.pid))[1:]
    stopped = engine.stop()
    _, alive = psutil.wait_procs(descendants, timeout=_DYING_S)
    names = tuple(name for process in alive if (name := _name(process)))
    return End(stopped=stopped, alive=names, port=engine.port)


def _name(process: psutil.Process) -> str:
    """The name of a process, "" when it is dead and merely nobody has asked how it ended."""
    with suppress(psutil.NoSuchProcess):
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{process.pid} ({process.name()})"
    return ""


def judge_end(stopped: Stopped) -> Answer:
    """Judges how an engine ended that was asked to."""
    well = stopped.status == 0 and not stopped.killed
    how = "had to be killed" if stopped.killed else str(stopped)
    return Answer(
        status=Status.PASS if well else Status.FAIL,
        observed=f"{how} after {stopped.seconds:.2f} s",
    )


def judge_remains(alive: tuple[str, ...]) -> Answer:
    """Judges what is left of an engine that has ended."""
    if alive:
        return Answer(status=Status.FAIL, observed=f"alive: {', '.join(alive)}")
    return Answer(status=Status.PASS, observed="nothing is left")
