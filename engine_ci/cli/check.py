"""`engine-ci check`: holds the engine of a change against that of the commit where it began."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from engine_ci.cli import changes, merge_base, options
from engine_ci.cli import gate as gate_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.merge_base import Pair
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.check import CheckRecord
    from engine_ci.records.gate import Check, GateResult

_SPEED: Final = "performance"


def check(
    *,
    base: changes.Base,
    suite: gate_command.Suites = None,
    profile: gate_command.Profile = None,
    runner: gate_command.Runner = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where the results go.", metavar="DIR", show_default=False),
    ] = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Gate the working tree's engine against the merge base's; exit codes are those of gate."""
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.gate.judge import EXIT_CODES
    from engine_ci.report import check as page
    from engine_ci.system import documents

    started, began = datetime.now(UTC), time.monotonic()
    workspace = gate_command.profiled(open_workspace(config, pin=pin, work=work), profile)
    suites = gate_command.asked(suite, workspace.config)
    gated = out or workspace.gate
    # What an earlier run left says nothing of this commit.
    (work / "check.json").unlink(missing_ok=True)
    with Progress() as say:
        pair = merge_base.prepared(workspace, config=config, ref=base, say=say)
        result = run(workspace, pair, suites=suites, runner=runner, out=gated, say=say)
    record = recorded(
        workspace,
        pair,
        result,
        gate_sha256=documents.sha256_of(gated / "gate.json"),
        started=started,
        seconds=time.monotonic() - began,
    )
    documents.write(work / "check.json", documents.dump_json(record))
    text = page.render(record, result)
    publish(text, result)
    emit(record, as_json=json, otherwise=text)
    raise typer.Exit(EXIT_CODES[result.verdict])


def run(
    workspace: Workspace,
    pair: Pair,
    *,
    suites: Sequence[str],
    runner: str | None,
    out: Path,
    say: Progress,
) -> GateResult:
    """Gates the pair; of the same engine, started alike, all but its speed."""
    speed = [_same_speed()] if pair.same and _SPEED in suites else []
    return gate_command.run(
        workspace.config,
        root=workspace.root,
        cache=workspace.cache,
        candidate=workspace.candidate,
        baseline=workspace.baseline if pair.baseline else None,
        baseline_argv=pair.baseline_argv,
        no_baseline=pair.no_baseline,
        suites=[suite for suite in suites if not (speed and suite == _SPEED)],
        out=out,
        say=say,
        runner=runner,
        before=speed,
    )


def _same_speed() -> Check:
    from engine_ci.records.gate import Check, FaultClass, Status

    return Check(
        id=f"{_SPEED}/same-engine",
        suite=_SPEED,
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
