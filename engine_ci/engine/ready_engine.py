"""A ready engine: where it answers, whether it is well, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.engine import instructions
from engine_ci.engine import log as logs
from engine_ci.engine.client import Client
from engine_ci.engine.start_failures import DYING_S, SHOWN_LINES
from engine_ci.errors import EngineAnswerError, EngineDiedError, EngineLateError
from engine_ci.system.http import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.engine.process import Process, Stopped


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A ready engine.

    Attributes:
        loaded_s: seconds from its start until its model was loaded.
        started_s: seconds from its start until it was ready.
        end: ends it, and says how it ended.
    """

    client: Client
    port: int
    loaded_s: float
    started_s: float
    log: Path
    process: Process
    end: Callable[[], Stopped]

    @property
    def pid(self) -> int:
        """Of the program itself."""
        return self.process.pid

    @property
    def address(self) -> str:
        """Where it answers, as a URL."""
        return f"http://{HOST}:{self.port}"

    def alive(self) -> bool:
        """Whether it still runs."""
        return not self.process.ended()

    def log_tail(self, lines: int = SHOWN_LINES) -> tuple[str, ...]:
        """The last lines that it wrote, oldest first."""
        return logs.tail(self.log, lines=lines)

    def stop(self) -> Stopped:
        """Ends it: SIGTERM, a grace, SIGKILL. A second call returns what the first did."""
        return self.end()

    def outlive(self) -> EngineDiedError:
        """Waits until it has ended by itself or otherwise, and says how."""
        self.process.wait()
        stopped = self.process.stop(grace_s=0.0)
        said = self.log_tail()
        last = f"; its last line: {said[-1]}" if said else ""
        why = instructions.explanation(stopped, log=self.log)
        return EngineDiedError(f"the engine {stopped}{last}{why}", log=said)

    def ailment(self, *, timeout_s: float) -> str | None:
        """What is wrong with it, if so; no answer in that time is, unless it computes so long.

        `/health` is answered by threads that do nothing else. What becomes of a request is for the
        loop that computes, and `/slots` is answered there: not before a long batch is done. An
        engine that has ended is not ill either.
        """
        client = Client(self.port, timeout_s=timeout_s, effort=self.process.effort)
        before = sum(self.process.effort())
        try:
            client.check_health()
            client.call("GET", "/slots")
        except EngineAnswerError as problem:
            computed_s = sum(self.process.effort()) - before
            busy = isinstance(problem, EngineLateError) and computed_s >= timeout_s
            fine = busy or self.process.ended(within_s=DYING_S)
            return None if fine else problem.message
        return None
