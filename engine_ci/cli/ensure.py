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
    from engine_ci.cli.output import emit
    from engine_ci.cli.prepare import known_platform, request_for
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    with Progress() as say:
        made = bundle.ensure(
            request_for(
                workspace,
                workspace.pin,
                into=into,
                platform=known_platform(platform),
                signer=signer,
                told=say.count,
            ),
            phase=lambda name: say(f"prepare {workspace.pin.version}: {name}"),
        )
    emit(made, as_json=json, otherwise=str(into))
