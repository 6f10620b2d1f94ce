"""`engine-ci schema`: the JSON Schemas of what commands print, and of files that people write."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from engine_ci.cli import completing, options
from engine_ci.cli.schemas import DOCUMENTS, of
from engine_ci.errors import UsageError


def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Of a document; without it, all names are listed.",
            autocompletion=completing.schemas,
            show_default=False,
        ),
    ] = None,
    *,
    out: options.Out = None,
) -> None:
    """Print the JSON Schema of what a command prints, or of a configuration or pin.

    With --out each schema, or the one that is named, is written there as `NAME.json`.

    For example: engine-ci schema gate

    Exit codes: 0 done; 2 there is no such document.
    """
    from engine_ci.system import documents

    names = known(name)
    if out is not None:
        for each in names:
            path = out / f"{each}.json"
            documents.write(path, text(of(each)))
            typer.echo(path)
    elif name is None:
        typer.echo("\n".join(names))
    else:
        typer.echo(text(of(name)), nl=False)


def known(name: str | None) -> tuple[str, ...]:
    """The document of that name, or all.

    Raises:
        UsageError: there is none.
    """
    if name is None:
        return tuple(DOCUMENTS)
    if name not in DOCUMENTS:
        raise UsageError(
            f"expected the name of a document, found {name}",
            hint=f"there are {', '.join(DOCUMENTS)}",
        )
    return (name,)


def text(found: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
