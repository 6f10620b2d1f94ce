"""`engine-ci ensure`: the bundle of the current pin, made only where it is not there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Platform


def ensure(
    *,
    into: Annotated[Path, typer.Option("--into", help="Where the bundle goes.", metavar="DIR")],
    platform: options.Platform = None,
    signer: options.Signer = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Have the current pin's bundle in a folder, for an app's own build; instant if it is there.

    `prepare --current --dry-run` says what would be made.

    For example: engine-ci ensure --into vendor/engine

    Exit codes: 0 the bundle is there; 2 configuration, pin or platform; 3 bytes are not what they
    should be, and the old bundle is still there; 4 a file was not to be had, or the disk refused.
    """
    from engine_ci.cli.bundles import read_bundle
    from engine_ci.cli.platforms import known_platform
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import documents

    workspace = open_workspace(config, pin=pin, work=work)
    have(workspace, into=into, platform=known_platform(platform), signer=signer)
    # The record is long, and read only where somebody wants it.
    typer.echo(documents.dump_json(read_bundle(into)) if json else into, nl=not json)


def have(
    workspace: Workspace, *, into: Path, platform: Platform, signer: str | None = None
) -> None:
    """Makes the bundle of the current pin where it is not there already; errors of `prepare`."""
    from engine_ci.artifact import bundle
    from engine_ci.cli.bundle_request import request_for
    from engine_ci.cli.bundles import step
    from engine_ci.cli.progress import Progress

    pin = workspace.pin
    with Progress() as say:
        bundle.ensure(
            request_for(
                workspace, pin, into=into, platform=platform, signer=signer, told=say.bytes
            ),
            phase=lambda name: say(step(name, version=pin.version, platform=platform)),
        )
