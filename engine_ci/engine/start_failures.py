"""Says why a start failed: the engine ended, hangs or lies, or another has its port."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine_ci.engine import instructions
from engine_ci.engine import log as logs
from engine_ci.engine.readiness import PortTakenError
from engine_ci.errors import (
    EngineAnswerError,
    EngineLateError,
    EngineSilentError,
    EngineStartError,
    IllegalInstructionError,
)
from engine_ci.system.http import port_is_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.engine.process import Process, Stopped

SHOWN_LINES = 20
# A connection breaks a moment before the process that broke it has ended.
DYING_S = 0.5


@contextmanager
def explained(process: Process, *, port: int, log: Path) -> Iterator[None]:
    """What goes wrong in the block, in which a started engine becomes ready, is told with why.

    Raises:
        PortTakenError: it ended, and its port is another's.
        EngineSilentError: it was not ready in time, or hangs.
        IllegalInstructionError: it ended of one.
        EngineStartError: it ended otherwise, or answered wrongly.
    """
    begin = time.monotonic()
    try:
        yield
    except EngineAnswerError as problem:
        seconds = time.monotonic() - begin
        if not process.ended(within_s=DYING_S):
            raise _not_ready(problem, log=log) from problem
        stopped = process.stop(grace_s=0.0)
        if not port_is_free(port):
            raise PortTakenError from problem
        raise _ended_early(stopped, seconds=seconds, log=log) from problem


def _not_ready(problem: EngineAnswerError, *, log: Path) -> EngineStartError:
    kind = EngineSilentError if isinstance(problem, EngineLateError) else EngineStartError
    return kind(
        f"the engine is not ready: {problem}",
        log=logs.tail(log, lines=SHOWN_LINES),
        hint=f"its whole log: {log}",
    )


def _ended_early(stopped: Stopped, *, seconds: float, log: Path) -> EngineStartError:
    said = logs.tail(log, lines=SHOWN_LINES)
    last = f"; its last line: {said[-1]}" if said else "; it wrote nothing"
    why = instructions.explanation(stopped, log=log)
    hint = f"its whole log: {log}"
    kind = EngineStartError
    if stopped.signal == "SIGILL":
        kind = IllegalInstructionError
        hint = f"this build needs instructions that this machine lacks; {hint}"
    return kind(
        f"the engine {stopped} {seconds:.1f} s after its start{last}{why}",
        log=said,
        status=stopped.status,
        hint=hint,
    )
