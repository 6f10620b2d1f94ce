"""Waits until a started engine is ready, believing nothing that it has not shown.

Ready means: the program lives, `/health` says ok, the socket that answers belongs to it or to a
descendant, `/props` names our model, and one token, or one vector, came back. Less has lied before:
without a model some builds serve as a router and are healthy, others are healthy and answer every
request with an error, and a port may be somebody else's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine_ci.engine.client import Client
from engine_ci.engine.listening import listens
from engine_ci.engine.patience import Patience
from engine_ci.engine.tasks import Task
from engine_ci.errors import EngineAnswerError, EngineLateError

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.engine.process import Process

_POLL_S = 0.02
_POLLS = 50
# Somebody else on the port may never answer, and our engine's end must be seen all the same.
_HEALTH_S = 0.5
# While it loads, an engine may wait for a disk, a GPU's compiler or a scanner of new programs.
_LOADING_S = 20.0


class PortTakenError(Exception):
    """Somebody else listens on the port that was free a moment ago."""


def await_ready(
    process: Process, *, port: int, model: Path, timeout_s: float, task: Task = Task.TEXT
) -> float:
    """When its model was loaded, as `time.monotonic` says; returns when the engine is ready.

    It is asked for as little as can be of what it is there for, such as one token.

    Raises:
        PortTakenError: it is somebody else who answers on `port`.
        EngineLateError: the engine lives and is not ready in time, or hangs.
        EngineAnswerError: what the engine did instead; it may have ended.
    """
    patience = Patience(timeout_s, effort=process.effort, window_s=_LOADING_S)
    if not _becomes_healthy(process, port=port, patience=patience):
        raise EngineLateError(f"GET /health was not ok within {patience.waited():.1f} s")
    loaded = time.monotonic()
    if not listens(process.pid, port=port):
        raise PortTakenError
    client = Client(port, timeout_s=timeout_s, effort=process.effort)
    found = client.props().model_path
    if found not in (str(model.absolute()), str(model.resolve())):
        raise EngineAnswerError(f"/props names another model: expected {model}, found {found!r}")
    match task:
        case Task.TEXT:
            client.complete("Hello", count=1)
        case Task.VECTORS:
            client.embed("Hello")
        case _:
            client.rank("Hello", ["Hello"])
    return loaded


def _becomes_healthy(process: Process, *, port: int, patience: Patience) -> bool:
    while (left := patience.left()) > 0:
        if Client(port, timeout_s=min(left, _HEALTH_S)).health():
            return True
        # Seldom after a while, so that our questions do not look like work of the engine's.
        if process.ended(within_s=max(_POLL_S, patience.waited() / _POLLS)):
            raise EngineAnswerError("it ended")
    return False
