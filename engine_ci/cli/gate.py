"""`engine-ci gate`: asks a candidate, and the pinned engine beside it, what must not get worse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import completing, options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine_ci.cli.workspace import Workspace
    from engine_ci.config import Config
    from engine_ci.gate.tally import Told
    from engine_ci.records.gate import Check, GateResult

Suites = Annotated[
    list[str] | None,
    typer.Option(
        "--suite",
        help="Only this suite; may be given again.",
        metavar="NAME",
        autocompletion=completing.suites,
        show_default=False,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="How much speed is measured: quick, nightly or screen.",
        metavar="NAME",
        autocompletion=completing.among(completing.PROFILES),
        show_default=False,
    ),
]
Runner = Annotated[
    str | None,
    typer.Option(
        "--runner",
        help="The label of this machine, for the floors of its speed.",
        metavar="LABEL",
        envvar="ENGINE_CI_RUNNER",
        show_default=False,
    ),
]
Adapter = Annotated[
    str,
    typer.Option(
        "--adapter",
        help="The kind of engine in the folders.",
        metavar="NAME",
        autocompletion=completing.among(completing.ADAPTERS),
    ),
]
LLAMA_SERVER = "llama-server"


def gate(
    *,
    candidate: Annotated[
        Path | None,
        typer.Option(
            "--candidate",
            help="A bundle, or a folder with one engine.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="What to compare with.", metavar="DIR", show_default=False),
    ] = None,
    adapter: Adapter = LLAMA_SERVER,
    suite: Suites = None,
    out: options.Out = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", help="Repeat a run's random order.", metavar="N", show_default=False
        ),
    ] = None,
    profile: Profile = None,
    runner: Runner = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Ask an engine, and the pinned one beside it, what must not get worse.

    Leaves `gate.json`, `gate.md`, `gate.html` and the engines' logs in the folder of results.

    For example: engine-ci gate --candidate vendor/engine --suite loads

    Exit codes: 0 pass; 1 fail; 2 configuration, pin or options; 3 a bundle or a model is not what
    its record or its catalogue says; 4 something could not be asked; 5 inconclusive.
    """
    from engine_ci.cli import last_screen
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.gate.judge import EXIT_CODES
    from engine_ci.report import markdown

    workspace = profiled(open_workspace(config, pin=pin, work=work), profile)
    if baseline is None and workspace.baseline.exists():
        baseline = workspace.baseline
    out = out or workspace.gate
    with Progress() as say:
        result = run(
            workspace.config,
            root=workspace.root,
            cache=workspace.cache,
            candidate=candidate or workspace.candidate,
            baseline=baseline,
            adapter=adapter,
            suites=asked(suite, workspace.config),
            out=out,
            say=say,
            told=say.suites,
            seed=seed,
            runner=runner,
        )
    emit(result, as_json=json, otherwise=markdown.render(result))
    last_screen.show(result, out)
    raise typer.Exit(EXIT_CODES[result.verdict])


def asked(suites: Sequence[str] | None, config: Config) -> Sequence[str]:
    """The suites of the command line, or those of the configuration.

    Raises:
        UsageError: there is no suite of that name.
    """
    from engine_ci.gate.run import SUITES, refuse_unknown

    refuse_unknown(suites or (), among=SUITES)
    return suites or config.gate.suites


def profiled(workspace: Workspace, profile: str | None) -> Workspace:
    """The workspace, its performance profile replaced by that of the command line.

    Raises:
        UsageError: there is no profile of that name.
    """
    from engine_ci.errors import UsageError
    from engine_ci.gate.profiles import PROFILES

    if profile is None:
        return workspace
    if profile not in PROFILES:
        known = ", ".join(PROFILES)
        raise UsageError(f"--profile: expected one of {known}, found {profile}")
    policy = workspace.config.gate
    performance = policy.performance.model_copy(update={"profile": profile})
    asked = policy.model_copy(update={"performance": performance})
    return replace(workspace, config=workspace.config.model_copy(update={"gate": asked}))


def run(
    config: Config,
    *,
    root: Path,
    cache: Path,
    candidate: Path,
    baseline: Path | None,
    baseline_argv: tuple[str, ...] | None = None,
    no_baseline: str = "no baseline was given",
    adapter: str = LLAMA_SERVER,
    suites: Sequence[str],
    fetch: bool = True,
    out: Path,
    say: Callable[[str], None],
    told: Told = lambda *_: None,
    seed: int | None = None,
    runner: str | None = None,
    package: str | None = None,
    before: Sequence[Check] = (),
) -> GateResult:
    """Gates one engine, and leaves `gate.json`, `gate.md`, `gate.html` and the logs in `out`.

    Paths in the configuration begin at `root`. Without `fetch` nothing is asked about models that
    do not ship with the program or the app. `before` are checks that were made already; the rest is
    as for `context_for`.
    """
    from engine_ci.cli import models, report, stale
    from engine_ci.cli.platforms import known_platform
    from engine_ci.gate.run import run_gate
    from engine_ci.gate.setup import context_for

    now = datetime.now(UTC)
    logs = out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    stale.end(say)
    say("gate: models")
    own = config.gate.models
    found, missing = models.located(
        cache=cache, own=root / own if own else None, root=root, fetch=fetch
    )
    context, setup = context_for(
        candidate,
        baseline=baseline,
        baseline_argv=baseline_argv,
        no_baseline=no_baseline,
        adapter=adapter,
        platform=known_platform(None),
        models=found,
        config=config,
        logs=logs,
        seed=int(now.timestamp()) if seed is None else seed,
        runner=runner,
        package=package,
    )
    result = run_gate(
        context, suites, now=now, progress=say, told=told, setup=(*before, *missing, *setup)
    )
    report.write(result, out)
    return result
