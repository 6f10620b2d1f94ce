"""`engine-ci mirror`: brings what a site without a network needs into one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Pin, Version
    from engine_ci.records.candidate import Release
    from engine_ci.records.mirror import Mirrored
    from engine_ci.releases.detect import Listed

_NEWEST: Final = 5


def mirror(
    *,
    into: Annotated[
        Path, typer.Option("--into", help="The mirror; what is there stays.", metavar="DIR")
    ],
    newest: Annotated[
        int,
        typer.Option(
            "--newest", help="How many releases that may be proposed.", metavar="N", min=0
        ),
    ] = _NEWEST,
    build: Annotated[
        list[str] | None,
        typer.Option("--build", help="This release too.", metavar="VERSION", show_default=False),
    ] = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Copy what the pin and the next releases need into a folder, for a site without a network.

    For example: engine-ci mirror --into mirror --newest 3

    Exit codes: 0 all of it is there; 2 configuration, pin, or a release that may not be proposed; 3
    bytes are not what they should be; 4 the source did not answer, or a file was not to be had.
    """
    from engine_ci.cli import detect
    from engine_ci.cli.mirroring import Folder
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.records.mirror import Mirrored as Record

    workspace = open_workspace(config, pin=pin, work=work)
    with Progress() as say:
        say(f"mirror: what is newer than {workspace.pin.version}")
        listed = detect.ask(workspace, told=say)
        releases = chosen(workspace, listed, newest=newest, builds=build or ())
        folder = Folder(path=into, workspace=workspace, say=say)
        folder.take(releases)
    record = Record(
        schema=1,
        pin=workspace.pin.name,
        folder=str(into.absolute()),
        releases=tuple(each.version for each in releases),
        files=len(folder.taken),
        size=sum(folder.taken.values()),
    )
    emit(record, as_json=json, otherwise=told(record))


def told(record: Mirrored) -> str:
    """For people."""
    from engine_ci.system.mirror import VARIABLE

    return (
        f"{record.pin}: {', '.join(record.releases)}; {record.files} files of "
        f"{record.size / 1e6:,.1f} MB are in {record.folder}\n"
        f"copy it, and set {VARIABLE} to where it is then, or to the address that serves it"
    )


def chosen(
    workspace: Workspace, listed: Listed, *, newest: int, builds: Sequence[Version]
) -> list[Pin | Release]:
    """The pinned release, those that may be proposed, newest first, and those asked for.

    Raises:
        UsageError: one that is asked for may not be proposed.
    """
    from engine_ci.errors import UsageError

    found: dict[Version, Release] = {}
    while len(found) < newest:
        release, _ = _candidate(workspace, listed, passed_over=list(found))
        if release is None:
            break
        found[release.version] = release
    for build in builds:
        if build in found:
            continue
        release, reasons = _candidate(workspace, listed, asked=build)
        if release is None:
            raise UsageError(
                f"--build {build}: {reasons.get(build, 'no release newer than the pin')}",
                hint="name it as the source does; `engine-ci detect` lists what is newer",
            )
        found[build] = release
    return [workspace.pin, *found.values()]


def _candidate(
    workspace: Workspace,
    listed: Listed,
    *,
    passed_over: Sequence[Version] = (),
    asked: Version | None = None,
) -> tuple[Release | None, dict[Version, str]]:
    """The release that `detect` would choose next, and what it says of others."""
    from datetime import UTC, datetime

    from engine_ci.records.candidate import Refusal
    from engine_ci.releases.detect import detect

    found = detect(
        workspace.pin,
        listed.offers,
        policy=workspace.config.policy,
        now=datetime.now(UTC),
        stable=listed.stable,
        refused=[Refusal(version=each, reason="in the mirror") for each in passed_over],
        asked=asked,
    )
    return found.chosen, {each.version: each.reason for each in found.decisions}
