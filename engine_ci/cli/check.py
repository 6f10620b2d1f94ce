"""`engine-ci check`: holds the engine of a change against that of the commit where it began."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import changes, completing, merge_base, options
from engine_ci.cli import gate as gate_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.merge_base import Pair
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.check import CheckRecord
    from engine_ci.records.gate import Check, GateResult


Job = Annotated[
    str | None,
    typer.Option(
        "--job",
        help="Which job of engine-gate.yml this is: `oldest` asks less, and doubt fails none.",
        metavar="NAME",
        autocompletion=completing.among(completing.JOBS),
        show_default=False,
    ),
]


def check(
    *,
    base: changes.Base,
    suite: gate_command.Suites = None,
    job: Job = None,
    profile: gate_command.Profile = None,
    runner: gate_command.Runner = None,
    out: options.Out = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Gate the working tree's engine against the merge base's.

    With --job doubt is no failure, since `required` says what it means. Leaves `check.json` and
    the gate's results in the work folder.

    For example: engine-ci check --base origin/main

    Exit codes: 0 pass; 1 fail; 2 configuration, pin, options, or no such commit; 3 the candidate's
    bytes are not what they should be; 4 something could not be had or asked; 5 inconclusive.
    """
    from engine_ci.bump import jobs
    from engine_ci.cli import last_screen
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.gate.judge import EXIT_CODES
    from engine_ci.report import check as page
    from engine_ci.system import documents

    started, began = datetime.now(UTC), time.monotonic()
    workspace = gate_command.profiled(open_workspace(config, pin=pin, work=work), profile)
    refuse_unknown(job)
    suites = jobs.asks(job, gate_command.asked(suite, workspace.config))
    gated = out or workspace.gate
    # What an earlier run left says nothing of this commit.
    (work / "check.json").unlink(missing_ok=True)
    with Progress() as say:
        pair = merge_base.prepared(workspace, config=config, ref=base, say=say)
        result = run(
            workspace,
            pair,
            suites=suites,
            fetch=jobs.fetches(job),
            runner=runner,
            out=gated,
            say=say,
        )
    record = recorded(
        workspace,
        pair,
        result,
        runner=runner,
        gate_sha256=documents.sha256_of(gated / "gate.json"),
        started=started,
        seconds=time.monotonic() - began,
    )
    documents.write(work / "check.json", documents.dump_json(record))
    text = page.render(record, result)
    publish(text, result)
    emit(record, as_json=json, otherwise=text)
    last_screen.show(result, gated)
    raise typer.Exit(0 if jobs.leaves(job, result.verdict) else EXIT_CODES[result.verdict])


def refuse_unknown(job: str | None) -> None:
    """Raises UsageError for a name that is no job's."""
    from engine_ci.bump.jobs import ARTIFACTS
    from engine_ci.errors import UsageError

    if job is not None and job not in ARTIFACTS:
        raise UsageError(f"--job: expected one of {', '.join(ARTIFACTS)}, found {job}")


def run(
    workspace: Workspace,
    pair: Pair,
    *,
    suites: Sequence[str],
    fetch: bool,
    runner: str | None,
    out: Path,
    say: Progress,
) -> GateResult:
    """Gates the pair; of the same engine, started alike, all but its speed.

    `fetch` is as for `gate.run`.
    """
    from engine_ci.records.gate import SPEED

    speed = [_same_speed()] if pair.same and SPEED in suites else []
    return gate_command.run(
        workspace.config,
        root=workspace.root,
        cache=workspace.cache,
        candidate=workspace.candidate,
        baseline=workspace.baseline if pair.baseline else None,
        baseline_argv=pair.baseline_argv,
        no_baseline=pair.no_baseline,
        suites=[suite for suite in suites if not (speed and suite == SPEED)],
        fetch=fetch,
        out=out,
        say=say,
        told=say.suites,
        runner=runner,
        before=speed,
    )


def _same_speed() -> Check:
    from engine_ci.records.gate import SPEED, Check, FaultClass, Status

    return Check(
        id=f"{SPEED}/same-engine",
        suite=SPEED,
        status=Status.SKIP,
        fault_class=FaultClass.PERFORMANCE,
        expected="not slower than the merge base's engine",
        observed="it is that engine, byte for byte, and the app's arguments are the same",
    )


def recorded(
    workspace: Workspace,
    pair: Pair,
    result: GateResult,
    *,
    runner: str | None,
    gate_sha256: str,
    started: datetime,
    seconds: float,
) -> CheckRecord:
    """What stays of it."""
    from engine_ci.gate.metal import kernels
    from engine_ci.records.check import CheckRecord

    engines = result.engines
    missing = [check.observed for check in result.checks if check.id == "setup/baseline"]
    return CheckRecord(
        schema=1,
        head=pair.head,
        base=pair.base,
        pull=pair.pull,
        runner=runner,
        pin=workspace.pin.name,
        platform=engines.candidate.platform,
        candidate=engines.candidate.version,
        baseline=engines.baseline.version if engines.baseline else None,
        no_baseline="".join(missing),
        pin_moved=pair.pin_moved,
        same_engine=pair.same,
        verdict=result.verdict,
        devices=engines.candidate.devices,
        metal=kernels(engines.candidate),
        gate_sha256=gate_sha256,
        started=started,
        seconds=round(seconds, 3),
    )


def publish(page: str, result: GateResult) -> None:
    """Tells GitHub Actions, where it listens."""
    from engine_ci.report import highlights
    from engine_ci.system import actions

    actions.summary(page)
    actions.output("verdict", result.verdict)
    for item in highlights.of(result, most=actions.ANNOTATIONS):
        actions.annotate(item.level, item.message, title=item.title)
