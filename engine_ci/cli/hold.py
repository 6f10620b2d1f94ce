"""`engine-ci hold` and `unhold`: what must not be proposed, written into the pin file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Hold, Pin

Versions = Annotated[
    str,
    typer.Argument(
        metavar="BUILD", help="A build (b11194), a version, or a range A..B with both its ends."
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; people read it in pull requests.")]
Link = Annotated[str | None, typer.Option("--link", help="Where to read on.", metavar="URL")]
Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d"], help="The last day; for ever without."),
]


def hold(
    build: Versions,
    *,
    reason: Reason,
    link: Link = None,
    until: Until = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
) -> None:
    """Keep a build, a version or a range of them from being proposed."""
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.pins import holds

    workspace = open_workspace(config, pin=pin, work=options.WORK)
    new = asked(build, reason=reason, link=link, until=until)
    typer.echo(_write(workspace, holds.add(workspace.pin, new, today=datetime.now(UTC).date())))


def unhold(
    build: Versions, *, config: options.Config = options.CONFIG, pin: options.Pin = None
) -> None:
    """Take a hold away, named as it stands in the pin file."""
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.pins import holds

    workspace = open_workspace(config, pin=pin, work=options.WORK)
    typer.echo(_write(workspace, holds.remove(workspace.pin, build)))


def asked(build: str, *, reason: str, link: str | None, until: datetime | None = None) -> Hold:
    """The hold that is asked for.

    Raises:
        UsageError: it names no version, or it has no reason.
    """
    from pydantic import ValidationError

    from engine_ci.errors import UsageError
    from engine_ci.pins.model import Hold
    from engine_ci.releases import span

    span.check(build)
    day = until.date() if until else None
    try:
        return Hold(version=build, reason=reason, link=link, until=day)
    except ValidationError as problem:
        what = ", ".join(str(item["loc"][0]) for item in problem.errors())
        raise UsageError(f"this cannot be held: {what} is not as it should be") from problem


def _write(workspace: Workspace, pin: Pin) -> Path:
    """Writes the pin file; its path."""
    from engine_ci.pins import store
    from engine_ci.system import documents

    path = workspace.root / workspace.pin_file
    documents.write(path, store.dump(pin))
    return path
