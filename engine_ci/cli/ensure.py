"""`engine-ci ensure`: the bundle of the current pin, made only where it is not there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine_ci.cli import options


def ensure(
    *,
    into: Annotated[Path, typer.Option("--into", help="Where the bundle is to be.", metavar="DIR")],
    platform: options.Platform = None,
    signer: options.Signer = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Have the current pin's bundle in a folder, for an app's own build; instant if it is there."""
    from engine_ci.artifact import bundle
    from engine_ci.cli.prepare import known_platform, read_bundle, request_for, step
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import documents

    workspace = open_workspace(config, pin=pin, work=work)
    wanted = known_platform(platform)
    with Progress() as say:
        bundle.ensure(
            request_for(
                workspace,
                workspace.pin,
                into=into,
                platform=wanted,
                signer=signer,
                told=say.count,
            ),
            phase=lambda name: say(step(name, version=workspace.pin.version, platform=wanted)),
        )
    # The record is long, and read only where somebody wants it.
    typer.echo(documents.dump_json(read_bundle(into)) if json else into, nl=not json)
