"""Progress on stderr: a live line on a terminal, one plain line per step elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

import typer

from engine_ci.cli import colours
from engine_ci.system import interrupts
from engine_ci.system.markdown import shown

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from engine_ci.cli.bars import Live

# What a result that is printed has to come after.
_open: Final[list[Progress]] = []
# The last step that was begun and did not end well, for whoever says where a command was stopped.
_under_way = ""


def at() -> str:
    """Which step was under way, after what was stopped; nothing where none was."""
    return f" at `{_under_way}`" if _under_way else ""


def settle() -> None:
    """Ends the step that is live on a terminal: a result follows, maybe on the same terminal."""
    for each in _open:
        each.done()


class Progress:
    """Says what is going on: `with Progress() as say: say("fetching …")`.

    On a terminal the step under way spins, has a bar where its end is known, and stays as a line
    with its seconds when the next one begins. Elsewhere every step is one line when it begins.
    """

    def __init__(self, terminal: Console | None = None) -> None:
        """Speaks on `terminal`; on stderr, terminal or not, when none is given."""
        self._terminal = terminal or _stderr_if_live()
        self._live: Live | None = None
        self._step = ""
        self._since = 0.0

    def __enter__(self) -> Self:
        _open.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _under_way  # noqa: PLW0603 - a command is stopped from outside of all blocks
        _open.remove(self)
        self._finish(well=kind is None)
        if kind is None:
            _under_way = ""

    def __call__(self, step: str) -> None:
        """Ends the step under way and begins another; markup in it is taken literally."""
        global _under_way  # noqa: PLW0603 - as above
        self._finish(well=True)
        self._step = _under_way = step = shown(step)
        if self._terminal is None:
            typer.echo(step, err=True)
            return
        from engine_ci.cli.bars import Live

        self._since = time.monotonic()
        # What a signal broke off in there would be live for ever.
        with interrupts.held():
            self._live = Live.start(step, terminal=self._terminal)

    def done(self) -> None:
        """Ends the step under way on a terminal."""
        self._finish(well=True)

    def bytes(self, done: int, of: int | None = None) -> None:
        """Shows on a terminal how many bytes the step under way has got so far."""
        if self._live is not None:
            self._live.bytes(done, of=of)

    def suites(self, done: int, of: int, checks: int) -> None:
        """Shows on a terminal how many suites of the gate have ended."""
        if self._live is not None:
            self._live.suites(done, of=of, checks=checks)

    def _finish(self, *, well: bool) -> None:
        if self._terminal is None or self._live is None:
            return
        from rich.text import Text

        seconds = time.monotonic() - self._since
        mark = Text("✓", "green") if well else Text("✗", "red")
        with interrupts.held():
            self._live.stop()
            self._live = None
            self._terminal.print(Text.assemble(mark, f" {self._step} ({seconds:.1f} s)"))


def _stderr_if_live() -> Console | None:
    if not colours.is_live(sys.stderr):
        return None
    from engine_ci.cli.bars import Terminal

    return Terminal(stderr=True, highlight=False, no_color=not colours.wanted(sys.stderr))
