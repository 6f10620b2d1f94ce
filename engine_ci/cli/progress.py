"""Progress on stderr: a live line on a terminal, one plain line per step elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

    from rich.status import Status


class Progress:
    """Says what is going on. `with Progress() as say: say("fetching …")`.

    On a terminal the step under way spins, and stays as a line with its seconds when the next one
    begins. Elsewhere every step is one line when it begins.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._step = ""
        self._since = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish(mark="✓" if kind is None else "✗")

    def __call__(self, step: str) -> None:
        """Ends the step under way and begins another; engine text in it is taken literally."""
        if not self._console.is_terminal:
            self._console.print(Text(step))
            return
        self._finish(mark="✓")
        self._step, self._since = step, time.monotonic()
        self._status = self._console.status(Text(step))
        self._status.start()

    def _finish(self, *, mark: str) -> None:
        if self._status is None:
            return
        self._status.stop()
        self._status = None
        seconds = time.monotonic() - self._since
        self._console.print(Text(f"{mark} {self._step} ({seconds:.1f} s)"))
