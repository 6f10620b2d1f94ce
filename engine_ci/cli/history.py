"""`engine-ci report history`: pages over all that gates said, builds and platforms."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.pins.model import Pin
    from engine_ci.report.runs import Run


def history(
    *,
    folder: Annotated[
        Path,
        typer.Argument(
            help="Every gate.json in it counts, with the check.json that lies above it.",
            metavar="DIR",
            file_okay=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where the pages go; DIR where not given.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    config: options.Config = options.CONFIG,
) -> None:
    """Write history.md and history.html over all builds and platforms that DIR has results of.

    It is laid out as engine-history.yml keeps it, or in any other way. What is held is read from
    the app's configuration, where there is one. A result that cannot be read is left out and told.

    For example: engine-ci report history history

    Exit codes: 0 done; 2 the configuration or a pin is wrong; 4 a page cannot be written.
    """
    from engine_ci.report import history as decide
    from engine_ci.report import history_html, history_markdown
    from engine_ci.system import actions, documents

    with _without_collector():
        read = list(kept(folder))
    found = decide.gather(
        (run for _, run in read if not isinstance(run, str)),
        pins=_pins(config),
        today=datetime.now(UTC).date(),
        unread=[f"{name}: {run}" for name, run in read if isinstance(run, str)],
    )
    text = history_markdown.render(found)
    documents.write((out or folder) / "history.md", text)
    documents.write((out or folder) / "history.html", history_html.render(found))
    actions.summary(text)
    typer.echo(text, nl=False)


def kept(folder: Path) -> Iterator[tuple[str, Run | str]]:
    """By name, what each job of each run left, or why that cannot be read."""
    from engine_ci.cli import evidence
    from engine_ci.report import runs

    for place in _places(folder):
        found = evidence.kept(place)
        run = found if isinstance(found, str) else runs.of(place.name, *found)
        yield place.name, run


@contextmanager
def _without_collector() -> Iterator[None]:
    """In the block nobody looks for cycles: there are none, and it takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _places(folder: Path) -> list[Path]:
    """Where a job left its record, or a gate its result."""
    found = list(folder.rglob("*.json"))
    checked = {path.parent for path in found if path.name == "check.json"}
    gated = {path.parent for path in found if path.name == "gate.json"}
    return sorted(checked.union(place for place in gated if place.parent not in checked))


def _pins(config: Path) -> list[Pin] | None:
    """Those of the app's configuration; None where there is none."""
    from engine_ci import config as configuration
    from engine_ci.pins import store

    if not config.is_file():
        return None
    loaded = configuration.load(config)
    return [store.load(config.parent / pin) for pin in loaded.pins]
