"""`engine-ci engine run`: one engine under supervision, and its events as JSON lines."""

from __future__ import annotations

import sys
import threading
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import claim as claims
from engine_ci.cli import options, stale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.workspace import Workspace
    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.claims import Claim
    from engine_ci.engine.events import Channel, Listener
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.runtime import Runtime
    from engine_ci.engine.supervisor import Start

app = typer.Typer(no_args_is_help=True, help="Run an engine under supervision.")


@app.callback()
def engine() -> None:
    """Typer makes a group of a single command only where there is a callback."""


@app.command()
def run(
    *,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="What it serves.", metavar="FILE", show_default=False),
    ] = None,
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            "--bundle",
            help="A bundle, or a folder with one engine; of several, the first that can be what is "
            "claimed. If not given, the pin's is made.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    claim: claims.File = None,
    context: claims.Context = None,
    accelerator: claims.Accelerator = None,
    min_tokens_per_second: claims.Speed = None,
    feature: claims.Features = None,
    fallback: claims.Fallback = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            help="Of loopback; if not given, a free one.",
            metavar="N",
            min=1,
            max=65535,
            show_default=False,
        ),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics",
            help="Keep this file up to date, as Prometheus reads it.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
) -> None:
    """Run one engine with the app's arguments, and again when it crashes; events go to stdout.

    Where it cannot be what is claimed, the fallback serves, or nothing is started. Ctrl-C ends it,
    a second one at once.

    For example: engine-ci engine run --model models/tiny.gguf --bundle vendor/engine

    Exit codes: 1 it has failed, or was not started; 2 configuration, pin or claim; 130 and 143
    after Ctrl-C and SIGTERM.
    """
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.engine import metrics_file, rotation
    from engine_ci.engine.events import Channel

    wished = claims.wished(
        claim,
        options={
            "model": model,
            "context": context,
            "accelerator": accelerator,
            "min_tokens_per_second": min_tokens_per_second,
            "features": feature,
            "fallback": fallback,
        },
    )
    workspace = open_workspace(config, pin=pin, work=work)
    folders = bundle or [_pinned(workspace)]
    stale.end(partial(typer.echo, err=True))
    channel = Channel()
    with (
        rotation.bounded(workspace.engine_log(wished.model.stem)),
        _runtime(wished, folders, workspace=workspace, port=port, events=channel) as runtime,
        metrics_file.kept(metrics, runtime, name=wished.model.stem) if metrics else nullcontext(),
    ):
        _serve(runtime, channel)
        runtime.ready()  # says why there is none


def _pinned(workspace: Workspace) -> Path:
    from engine_ci.cli.ensure import have
    from engine_ci.cli.platforms import known_platform

    have(workspace, into=workspace.running, platform=known_platform(None))
    return workspace.running


def _runtime(
    claim: Claim,
    folders: Sequence[Path],
    *,
    workspace: Workspace,
    port: int | None,
    events: Channel,
) -> Runtime[Engine]:
    from engine_ci.engine import host_probe, rotation
    from engine_ci.engine.claimed_engine import ClaimedEngine
    from engine_ci.engine.runtime import Runtime

    model, argv = claim.model, workspace.config.engine.argv
    log = workspace.engine_log(model.stem)

    def launch(server: Server, more: tuple[str, ...]) -> Start:
        rotation.rotate(log, limit=0)  # the one before may have crashed, and says there why
        command = server.app_command((*argv, *more), model=model)
        return server.launch(command, log=log, port=port)

    claimed = ClaimedEngine(
        claim,
        candidates=claims.candidates(folders, adapter=workspace.pin.adapter),
        host=host_probe.host(),
        launch=launch,
        name=model.stem,
        events=events,
    )
    return Runtime(claimed.launch, name=model.stem, may_spawn=claimed.refusal, events=events)


def _serve(runtime: Runtime[Engine], channel: Channel) -> None:
    """Starts, and returns when the engine is at rest; meanwhile its events are written."""
    listener = channel.listen()
    # A thread of its own is not interrupted between hearing an event and writing it.
    writer = threading.Thread(target=_write, args=(listener, runtime), name="events")
    writer.start()
    try:
        runtime.start()
        runtime.wait()
    except KeyboardInterrupt:
        runtime.stop()
        raise
    finally:
        channel.close()
        writer.join()


def _write(listener: Listener, runtime: Runtime[Engine]) -> None:
    from engine_ci.engine.events import write_lines

    try:
        write_lines(listener, sys.stdout)
    except BrokenPipeError:
        runtime.stop()  # nobody reads any more
