"""What was started last, and the request for its end, which may come at any moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from engine_ci.errors import EngineStartError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Latest(Generic[T]):
    """One thread starts something, perhaps again and again; another asks for the end of it."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._started: T | None = None
        self._cancelled = False

    def start(self, begin: Callable[[], T]) -> T:
        """What `begin` returns.

        Raises:
            EngineStartError: the end was asked for before.
        """
        with self._changing:
            if self._cancelled:
                raise EngineStartError("the engine was stopped before it was started")
            self._started = begin()
            return self._started

    def cancel(self) -> T | None:
        """What there is to be ended; nothing is started after it."""
        with self._changing:
            self._cancelled = True
            return self._started
