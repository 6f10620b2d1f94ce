"""Runs one engine under supervision: starts it, waits until it is ready, and always ends it."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.engine import log as logs
from engine_ci.engine import process as processes
from engine_ci.engine.client import Client
from engine_ci.engine.readiness import PortTakenError, await_ready
from engine_ci.errors import (
    EngineAnswerError,
    EngineLateError,
    EngineSilentError,
    EngineStartError,
)
from engine_ci.system.http import free_port, port_is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.adapters.llama_server import Settings
    from engine_ci.engine.process import Process, Stopped

_PORT_TRIES = 5
_SHOWN_LINES = 20
# A connection breaks a moment before the process that broke it has ended.
_DYING_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A ready engine.

    Attributes:
        started_s: seconds from its start until it was ready.
    """

    client: Client
    port: int
    started_s: float
    log: Path
    process: Process
    grace_s: float

    @property
    def pid(self) -> int:
        """Of the program itself."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return not self.process.ended()

    def log_tail(self, lines: int = _SHOWN_LINES) -> tuple[str, ...]:
        """The last lines that it wrote, oldest first."""
        return logs.tail(self.log, lines=lines)

    def stop(self) -> Stopped:
        """Ends it: SIGTERM, a grace, SIGKILL. A second call returns what the first did."""
        return self.process.stop(grace_s=self.grace_s)


@contextmanager
def running(
    program: Path,
    arguments_for: Callable[[int], Sequence[str]],
    *,
    model: Path,
    log: Path,
    port: int | None = None,
    ready_timeout_s: float = 60.0,
    grace_s: float = 5.0,
    embeds: bool = False,
) -> Iterator[Engine]:
    """Runs `program` on a port of loopback, yields it when it is ready, and ends it.

    Args:
        program: what to start; it runs in an empty temporary folder, which is its home too.
        arguments_for: its arguments for a port; paths in them are absolute.
        model: the file that `/props` must name.
        log: where its output goes; replaced.
        port: the one to use; when not given a free one, and another if that is taken meanwhile.
        ready_timeout_s: seconds for it to become healthy; as many for each question after that.
        grace_s: seconds between SIGTERM and SIGKILL.
        embeds: it makes vectors of texts, and nothing else.

    Both are as `Patience` counts them.

    Raises:
        EngineSilentError: it was not ready in time, or hangs.
        EngineStartError: it ended or answered wrongly, or somebody else has every port that it was
            given.
    """
    tried = []
    for number in (free_port() for _ in range(_PORT_TRIES)) if port is None else (port,):
        tried.append(number)
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-")))
            argv = [str(program.absolute()), *arguments_for(number)]
            begin = time.monotonic()
            process = processes.start(argv, cwd=home, env=processes.environment(home), log=log)
            stack.callback(process.stop, grace_s=grace_s)
            try:
                _await(
                    process,
                    port=number,
                    model=model,
                    log=log,
                    timeout_s=ready_timeout_s,
                    embeds=embeds,
                )
            except PortTakenError:
                continue
            yield Engine(
                client=Client(number, effort=process.effort),
                port=number,
                started_s=time.monotonic() - begin,
                log=log,
                process=process,
                grace_s=grace_s,
            )
            return
    raise EngineStartError(
        f"somebody else listened where the engine was to: {', '.join(map(str, tried))}",
        log=logs.tail(log, lines=_SHOWN_LINES),
        hint="look for a program on this machine that takes ports between 20000 and 32767",
    )


def start(
    server: Server,
    *,
    model: Path,
    settings: Settings,
    log: Path,
    ready_timeout_s: float = 60.0,
    grace_s: float = 5.0,
) -> AbstractContextManager[Engine]:
    """Runs a server with the harness's settings; the rest is as for `running`."""
    return running(
        server.program,
        lambda port: server.arguments(model=model, port=port, settings=settings),
        model=model,
        log=log,
        ready_timeout_s=ready_timeout_s,
        grace_s=grace_s,
        embeds=settings.embeddings,
    )


def _await(
    process: Process, *, port: int, model: Path, log: Path, timeout_s: float, embeds: bool
) -> None:
    begin = time.monotonic()
    try:
        await_ready(process, port=port, model=model, timeout_s=timeout_s, embeds=embeds)
    except EngineAnswerError as problem:
        seconds = time.monotonic() - begin
        if not process.ended(within_s=_DYING_S):
            said = logs.tail(log, lines=_SHOWN_LINES)
            late = isinstance(problem, EngineLateError)
            kind = EngineSilentError if late else EngineStartError
            raise kind(
                f"the engine is not ready: {problem}", log=said, hint=f"its whole log: {log}"
            ) from problem
        stopped = process.stop(grace_s=0.0)
        if not port_is_free(port):
            raise PortTakenError from problem
        raise _ended_early(stopped, seconds=seconds, log=log) from problem


def _ended_early(stopped: Stopped, *, seconds: float, log: Path) -> EngineStartError:
    said = logs.tail(log, lines=_SHOWN_LINES)
    last = f"; its last line: {said[-1]}" if said else "; it wrote nothing"
    hint = f"its whole log: {log}"
    if stopped.signal == "SIGILL":
        hint = f"this build needs instructions that this processor lacks; {hint}"
    return EngineStartError(
        f"the engine {stopped} {seconds:.1f} s after its start{last}",
        log=said,
        status=stopped.status,
        hint=hint,
    )
