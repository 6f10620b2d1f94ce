"""What stands on a terminal while a step is under way: a spinner, a bar where its end is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.table import Column
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Task, TaskID
    from rich.progress_bar import ProgressBar

_BAR_WIDTH: Final = 20
_MB: Final = 1e6
_NONE: Final = Text("")


class Terminal(Console):
    """One whose cursor is never hidden: whoever is ended at once could not show it again."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002 - rich asks for it shown and hidden, and it stays as it is
        """Leaves the cursor as it is, and says so."""
        return False


@dataclass(frozen=True, slots=True)
class Live:
    """One step on a terminal, from its start until `stop`."""

    screen: Progress
    task: TaskID

    @classmethod
    def start(cls, step: str, *, terminal: Console) -> Live:
        """Shows a step; markup in it is taken literally."""
        step_column = TextColumn(
            "{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1)
        )
        columns = (SpinnerColumn(), step_column, _Bar(), _Amount())
        # Else what is printed to stdout would go to the terminal's stream, which is stderr.
        screen = Progress(
            *columns, console=terminal, transient=True, expand=True, redirect_stdout=False
        )
        task = screen.add_task(step, total=None)
        screen.start()
        return cls(screen, task)

    def bytes(self, done: int, *, of: int | None) -> None:
        """Shows how many bytes are there, and how fast they come."""
        self.screen.update(self.task, completed=done, total=of, amount=_bytes)

    def suites(self, done: int, *, of: int, checks: int) -> None:
        """Shows how many suites have ended, and how many checks were made."""
        words = f"{done} of {of} suites, {checks:,} checks"
        self.screen.update(self.task, completed=done, total=of, amount=lambda _: words)

    def stop(self) -> None:
        """Takes it off the terminal."""
        self.screen.stop()


def _bytes(task: Task) -> str:
    of = f" of {task.total / _MB:.1f}" if task.total else ""
    rate = f", {task.speed / _MB:.1f} MB/s" if task.speed else ""
    return f"{task.completed / _MB:.1f}{of} MB{rate}"


class _Bar(ProgressColumn):
    """Nothing where no end is known."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = BarColumn(bar_width=_BAR_WIDTH)

    def render(self, task: Task) -> ProgressBar | Text:
        return _NONE if task.total is None else self._bar.render(task)


class _Amount(ProgressColumn):
    """How far the step is, in words."""

    def render(self, task: Task) -> Text:
        amount = task.fields.get("amount")
        return Text(amount(task)) if amount else _NONE
