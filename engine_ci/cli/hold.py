"""`engine-ci hold` and `unhold`: what must not be proposed, written into the pin file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import completing, options

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Hold, Pin

Versions = Annotated[
    str,
    typer.Argument(
        metavar="BUILD", help="A build (b11194), a version, or a range A..B with both its ends."
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", help="Why; people read it in pull requests.", metavar="TEXT")
]
Link = Annotated[
    str | None, typer.Option("--link", help="Where to read on.", metavar="URL", show_default=False)
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        formats=["%Y-%m-%d"],
        help="The last day; for ever without.",
        metavar="YYYY-MM-DD",
        show_default=False,
    ),
]


def hold(
    build: Versions,
    *,
    reason: Reason,
    link: Link = None,
    until: Until = None,
    dry_run: options.DryRun = False,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    json: options.Json = False,
) -> None:
    """Keep a build, a version or a range of them from being proposed.

    For example: engine-ci hold b11194..b11201 --reason "loses --mlock" --until 2027-01-31

    Exit codes: 0 it stands in the pin file; 2 configuration, pin, or no such hold can be.
    """
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.pins import holds

    workspace = open_workspace(config, pin=pin, work=options.WORK)
    new = asked(build, reason=reason, link=link, until=until)
    held = holds.add(workspace.pin, new, today=datetime.now(UTC).date())
    _write(workspace, held, dry_run=dry_run, as_json=json)


def unhold(
    build: Annotated[
        str,
        typer.Argument(
            metavar="BUILD",
            help="As it stands in the pin file.",
            autocompletion=completing.holds,
        ),
    ],
    *,
    dry_run: options.DryRun = False,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    json: options.Json = False,
) -> None:
    """Take a hold away, named as it stands in the pin file.

    For example: engine-ci unhold b11194..b11201

    Exit codes: 0 it is gone; 2 configuration, pin, or there is no such hold.
    """
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.pins import holds

    workspace = open_workspace(config, pin=pin, work=options.WORK)
    left = holds.remove(workspace.pin, build)
    _write(workspace, left, dry_run=dry_run, as_json=json)


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
        raise UsageError(
            f"this cannot be held: {what} is not as it should be",
            hint="`engine-ci schema pin` says what a hold may be; a reason has some words",
        ) from problem


def _write(workspace: Workspace, pin: Pin, *, dry_run: bool, as_json: bool) -> None:
    """Writes the pin file, and prints its path; in a dry run prints how it would change."""
    from engine_ci.cli.output import emit
    from engine_ci.pins import store
    from engine_ci.records.edits import Holds
    from engine_ci.system import documents

    path, name = workspace.root / workspace.pin_file, workspace.pin_file
    before, after = path.read_text(encoding="utf-8"), store.dump(pin)
    changed = documents.diff(before, after, old=name, new=name)
    if not dry_run:
        documents.write(path, after)
    found = Holds(
        schema=1, pin=pin.name, file=str(path), holds=pin.holds, diff=changed, dry_run=dry_run
    )
    emit(found, as_json=as_json, otherwise=changed if dry_run else str(path))
