"""Progress on stderr: a live line on a terminal, one plain line per step elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.status import Status


class Progress:
    """Says what is going on: `with Progress() as say: say("fetching …")`.

    On a terminal the step under way spins, and stays as a line with its seconds when the next one
    begins. Elsewhere every step is one line when it begins.
    """

    def __init__(self, terminal: Console | None = None) -> None:
        """Speaks on `terminal`; on stderr, terminal or not, when none is given."""
        self._terminal = terminal or _stderr_if_terminal()
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
        """Ends the step under way and begins another; markup in it is taken literally."""
        if self._terminal is None:
            typer.echo(step, err=True)
            return
        from rich.text import Text

        self._finish(mark="✓")
        self._step, self._since = step, time.monotonic()
        self._status = self._terminal.status(Text(step))
        self._status.start()

    def count(self, done: int) -> None:
        """Shows on a terminal how many bytes the step under way has got so far."""
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(f"{self._step}, {done / 1e6:.1f} MB"))

    def _finish(self, *, mark: str) -> None:
        if self._terminal is None or self._status is None:
            return
        from rich.text import Text

        self._status.stop()
        self._status = None
        seconds = time.monotonic() - self._since
        self._terminal.print(Text(f"{mark} {self._step} ({seconds:.1f} s)"))


def _stderr_if_terminal() -> Console | None:
    if not sys.stderr.isatty():
        return None
    from rich.console import Console

    return Console(stderr=True, highlight=False)
