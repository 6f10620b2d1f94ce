"""One start of a server: on a free port, until it is ready; and its end."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.engine import log as logs
from engine_ci.engine import process as processes
from engine_ci.engine.client import Client
from engine_ci.engine.latest import Latest
from engine_ci.engine.readiness import PortTakenError, await_ready
from engine_ci.engine.ready_engine import Engine
from engine_ci.engine.restarts import ONCE
from engine_ci.engine.runtime import Runtime
from engine_ci.engine.start_failures import SHOWN_LINES, explained
from engine_ci.errors import EngineStartError
from engine_ci.system.http import free_port, require_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from engine_ci.engine.adapters.contract import Command
    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.adapters.settings import Settings
    from engine_ci.engine.process import Process, Stopped

_PORT_TRIES = 5


class Start:
    """One start of a server. To enter is to wait until it is ready, to leave is to end it."""

    def __init__(
        self,
        command: Command,
        *,
        log: Path,
        port: int | None = None,
        ready_timeout_s: float = 60.0,
        grace_s: float = 5.0,
    ) -> None:
        """All is as for `running`."""
        self._command = command
        self._log = log
        self._port = port
        self._ready_timeout_s = ready_timeout_s
        self._grace_s = grace_s
        self._latest: Latest[Process] = Latest()
        self._undo = ExitStack()

    def __enter__(self) -> Engine:
        """Waits until it is ready; errors are those of `running`."""
        require_loopback()
        tried = []
        for port in self._ports():
            tried.append(port)
            with suppress(PortTakenError), ExitStack() as undo:
                engine = self._started(port, undo=undo)
                self._undo = undo.pop_all()
                return engine
        raise EngineStartError(
            f"somebody else listened where the engine was to: {', '.join(map(str, tried))}",
            log=logs.tail(self._log, lines=SHOWN_LINES),
            hint="look for a program on this machine that takes ports between 20000 and 32767"
            if self._port is None
            else "leave the port to us, or look who listens there",
        )

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def end(self, *, at_once: bool = False) -> None:
        """Ends it from another thread, whatever it is at, `at_once` without any grace."""
        process = self._latest.cancel()
        if process and at_once:
            process.kill()
        elif process:
            process.stop(grace_s=self._grace_s)

    def _ports(self) -> Iterator[int]:
        if self._port is None:
            return (free_port() for _ in range(_PORT_TRIES))
        return iter((self._port,))

    def _started(self, port: int, *, undo: ExitStack) -> Engine:
        home = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="engine-")))
        command = self._command
        argv = [str(command.program.absolute()), *command.arguments(port)]
        env = processes.environment(home)
        begin = time.monotonic()
        process = self._latest.start(
            lambda: processes.start(argv, cwd=home, env=env, log=self._log)
        )
        end = partial(process.stop, grace_s=self._grace_s)
        undo.callback(end)
        with explained(process, port=port, log=self._log):
            loaded = await_ready(
                process,
                port=port,
                model=command.model,
                timeout_s=self._ready_timeout_s,
                task=command.task,
            )
        return Engine(
            client=Client(port, effort=process.effort),
            port=port,
            loaded_s=loaded - begin,
            started_s=time.monotonic() - begin,
            log=self._log,
            process=process,
            end=end,
        )


@contextmanager
def running(
    command: Command,
    *,
    log: Path,
    port: int | None = None,
    ready_timeout_s: float = 60.0,
    grace_s: float = 5.0,
) -> Iterator[Engine]:
    """Runs an engine on a port of loopback, yields it when it is ready, and ends it.

    Args:
        command: what to start.
        log: where its output goes; replaced.
        port: the one to use; when not given a free one, and another if that is taken meanwhile.
        ready_timeout_s: seconds for it to become healthy; as many for each question after that.
        grace_s: seconds between SIGTERM and SIGKILL.

    Both are as `Patience` counts them.

    Raises:
        EngineSilentError: it was not ready in time, or hangs.
        EngineStartError: it ended or answered wrongly, or somebody else has every port that it was
            given.
    """
    launch = partial(
        Start, command, log=log, port=port, ready_timeout_s=ready_timeout_s, grace_s=grace_s
    )
    with Runtime(launch, name=command.model.stem, policy=ONCE) as runtime:
        runtime.start()
        engine = runtime.ready()

        def end() -> Stopped:
            runtime.stop()
            return engine.stop()

        yield replace(engine, end=end)


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
    command = server.command(model, settings=settings)
    return running(command, log=log, ready_timeout_s=ready_timeout_s, grace_s=grace_s)
