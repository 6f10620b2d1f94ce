"""Runs one engine under supervision: starts it, waits until it is ready, ends it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import LlamaServer, Settings
    from engine_ci.engine.client import Client
    from engine_ci.engine.process import Stopped


class Engine:
    """A ready engine."""

    client: Client
    pid: int
    port: int
    started_s: float

    def alive(self) -> bool:
        """Whether it still runs."""
        raise NotImplementedError

    def log_tail(self, lines: int = 20) -> tuple[str, ...]:
        """The last lines that it wrote, oldest first."""
        raise NotImplementedError

    def stop(self) -> Stopped:
        """Ends it: SIGTERM, a grace, SIGKILL. A second call returns what the first did."""
        raise NotImplementedError


@contextmanager
def running(
    program: Path,
    arguments_for: Callable[[int], Sequence[str]],
    *,
    model: Path,
    log: Path,
    ready_timeout_s: float = 60.0,
    grace_s: float = 5.0,
) -> Iterator[Engine]:
    """Runs `program` on a free port and yields it when it is ready."""
    raise NotImplementedError
    yield


def start(
    server: LlamaServer,
    *,
    model: Path,
    settings: Settings,
    log: Path,
    ready_timeout_s: float = 60.0,
    grace_s: float = 5.0,
) -> AbstractContextManager[Engine]:
    """Runs a `llama-server` with the harness's settings."""
    raise NotImplementedError
