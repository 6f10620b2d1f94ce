"""`engine-ci report`: what gates left, read again: one result, all of them, two side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import options
from engine_ci.cli.history import history

if TYPE_CHECKING:
    from engine_ci.records.gate import GateResult

app = typer.Typer(
    no_args_is_help=True, help="Show one stored gate result, the history of many, or compare two."
)
app.command()(history)


@app.command()
def show(
    *,
    result: Annotated[Path, typer.Argument(help="A stored gate.json.", metavar="FILE")],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page here.", metavar="FILE")
    ] = None,
    json: options.Json = False,
) -> None:
    """Render a stored gate.json as Markdown, and as a page.

    For example: engine-ci report show .engine-ci/gate/gate.json --html gate.html

    Exit codes: 0 done; 2 FILE is missing or no gate result; 4 the page cannot be written.
    """
    from engine_ci.cli.output import emit
    from engine_ci.report import html as page
    from engine_ci.report import markdown
    from engine_ci.system import documents

    loaded = read(result)
    if html is not None:
        documents.write(html, page.render(loaded))
    emit(loaded, as_json=json, otherwise=markdown.render(loaded))


@app.command()
def diff(
    *,
    before: Annotated[Path, typer.Argument(help="A stored gate.json.", metavar="A")],
    after: Annotated[Path, typer.Argument(help="Another one.", metavar="B")],
    json: options.Json = False,
) -> None:
    """Say what B says otherwise than A: verdict, checks, speed, flags, files, engines, host.

    For example: engine-ci report diff yesterday/gate.json today/gate.json

    Exit codes: 0 done, also where they differ; 2 a file is missing or no gate result.
    """
    from engine_ci.cli.output import emit
    from engine_ci.report import difference

    found = difference.between(read(before), read(after))
    emit(found, as_json=json, otherwise=difference.text(found))


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
