"""The last screen of a gate that did not pass, on stderr: stdout is somebody's data."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

from engine_ci.errors import EngineError, HarnessError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.gate import GateResult
    from engine_ci.report.screen import Line

GATE: Final = "gate.json"

_COLOURS: Final = {
    "bad": typer.colors.RED,
    "unsure": typer.colors.YELLOW,
    "name": typer.colors.CYAN,
}
_LABEL: Final = 11


def show(result: GateResult, folder: Path) -> None:
    """Shows what broke, in lines that fit the terminal; nothing where the gate passed."""
    from engine_ci.cli import colours
    from engine_ci.report import screen

    wide, coloured = shutil.get_terminal_size().columns, colours.wanted(sys.stderr)
    for line in screen.lines(result, folder=str(folder)):
        typer.echo(_rendered(line, wide=wide, coloured=coloured), err=True, color=coloured)


@contextmanager
def of_failure(workspace: Workspace) -> Iterator[None]:
    """Shows the last gate that did not pass, once an error says that nothing can be proposed."""
    from engine_ci.records.gate import GateResult
    from engine_ci.system import documents

    try:
        yield
    except (EngineError, HarnessError):
        stored = [workspace.gate, *workspace.refused.glob("*")]
        gated = [folder for folder in stored if (folder / GATE).is_file()]
        if gated:
            newest = max(gated, key=lambda folder: (folder / GATE).stat().st_mtime_ns)
            show(documents.load_json(newest / GATE, GateResult, error=RecordError), newest)
        raise


def _rendered(line: Line, *, wide: int, coloured: bool) -> str:
    """One line; a label of its own keeps its width, and the text is cut at the end."""
    label = line.label if line.style in ("bad", "unsure", "name") else f"{line.label:<{_LABEL}}"
    room = max(0, wide - len(label) - 1)
    text = line.text if len(line.text) <= room else f"{line.text[: max(0, room - 1)]}…"
    if coloured:
        label = typer.style(
            label,
            fg=_COLOURS.get(line.style),
            bold=line.style == "bad" or None,
            dim=line.style == "dim" or None,
        )
    return f"{label} {text}"
