"""`engine-ci report`: renders a stored gate result again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine_ci.records.gate import GateResult


def report(
    *,
    result: Annotated[Path, typer.Argument(help="A stored gate.json.", metavar="FILE")],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page here.", metavar="FILE")
    ] = None,
) -> None:
    """Render a stored gate.json as Markdown, and as a page."""
    from engine_ci.report import html as page
    from engine_ci.report import markdown
    from engine_ci.system import documents

    loaded = read(result)
    if html is not None:
        documents.write(html, page.render(loaded))
    typer.echo(markdown.render(loaded))


def read(path: Path) -> GateResult:
    """A stored gate result; RecordError when it is missing or wrong."""
    from engine_ci.errors import RecordError
    from engine_ci.records.gate import GateResult
    from engine_ci.system import documents

    return documents.load_json(path, GateResult, error=RecordError)


def write(result: GateResult, folder: Path) -> None:
    """Leaves `gate.json`, `gate.md` and `gate.html` in a folder."""
    from engine_ci.report import html, markdown
    from engine_ci.system import documents

    documents.write(folder / "gate.json", documents.dump_json(result))
    documents.write(folder / "gate.md", markdown.render(result))
    documents.write(folder / "gate.html", html.render(result))
