"""`engine-ci backtest`: gates a range of real builds, each against its predecessor that runs."""

from __future__ import annotations

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import gate as gate_command
from engine_ci.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from engine_ci.config import Config
    from engine_ci.gate.backtest import Asked, Pair
    from engine_ci.records.backtest import Outcome

_SOURCE = "package-index"


def backtest(
    *,
    package: Annotated[str, typer.Option("--package", help="Of that source.", metavar="NAME")],
    builds: Annotated[
        str, typer.Option("--builds", help="Versions or build numbers.", metavar="A..B")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Where results go, and are found again.", metavar="DIR")
    ],
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
    """Gate a range of real builds, each against its predecessor; what is finished is skipped."""
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
    work = [Job(pair=pair, asked=asked, config=loaded, out=out) for pair in left]
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

    files = {pair.version: _record(out, asked.package, pair.version) for pair in pairs}
    return {
        version: documents.load_json(file, Outcome, error=RecordError)
        for version, file in files.items()
        if file.is_file()
    }


def _record(out: Path, package: str, version: str) -> Path:
    return out / f"{package}-{version}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One pair, and all that a process of its own needs to gate it."""

    pair: Pair
    asked: Asked
    config: Config
    out: Path


def _all(work: Sequence[Job], *, jobs: int, say: Callable[[str], None]) -> list[Outcome]:
    """Runs every job; each leaves its outcome as soon as it has one."""
    # Not forked: a copy of a process with threads may wait for ever for one of them.
    context = multiprocessing.get_context("spawn")
    outcomes = []
    say(f"backtest: {len(work)} builds, {jobs} at a time")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        for number, future in enumerate(as_completed([pool.submit(run, job) for job in work]), 1):
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


def run(job: Job) -> Outcome:
    """Gates one pair and writes its outcome; whatever keeps us from it becomes one too."""
    from engine_ci.errors import EngineCIError
    from engine_ci.gate import backtest as decide
    from engine_ci.gate import host
    from engine_ci.system import documents

    began = datetime.now(UTC)
    try:
        outcome = _gate(job)
    except EngineCIError as problem:
        outcome = decide.broken(job.pair, job.asked, problem.message, host=host.facts(), at=began)
    record = _record(job.out, job.asked.package, job.pair.version)
    documents.write(record, documents.dump_json(outcome))
    return outcome


def _gate(job: Job) -> Outcome:
    import platformdirs

    from engine_ci.gate import backtest as decide

    cache = platformdirs.user_cache_path("engine-ci")
    results = _record(job.out, job.asked.package, job.pair.version).with_suffix("")
    with _emptied(results / "engines") as folder:
        candidate = _unpacked(job, job.pair.version, cache=cache, folder=folder)
        baseline = _baseline(job, cache=cache, folder=folder)
        result = gate_command.run(
            job.config,
            cache=cache,
            candidate=candidate,
            baseline=baseline,
            adapter=job.asked.adapter,
            suites=job.asked.suites,
            out=results,
            say=lambda _: None,
        )
    return decide.gated(
        job.pair, job.asked, result, baseline=None if baseline is None else baseline.name
    )


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """A folder for large files: empty, whatever a killed run left in it, and gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _unpacked(job: Job, version: str, *, cache: Path, folder: Path) -> Path:
    from engine_ci.artifact import whole
    from engine_ci.releases.sources import package_index

    package = job.asked.package
    wheel = package_index.wheel(package, version)
    return whole.unpacked(
        wheel, package=package, version=version, cache=cache, into=folder / version
    )


def _baseline(job: Job, *, cache: Path, folder: Path) -> Path | None:
    """The newest predecessor that runs; those that do not are not kept."""
    from engine_ci.cli import models
    from engine_ci.engine.adapters import kinds
    from engine_ci.errors import UsageError, VerificationError
    from engine_ci.gate import setup

    first = next(iter(models.located(cache=cache).values()))
    for version in job.pair.predecessors:
        try:
            place = _unpacked(job, version, cache=cache, folder=folder)
            server = kinds.server_in(place, adapter=job.asked.adapter)
        except (UsageError, VerificationError):
            continue  # no engine is in it, or nothing that we would run
        if not setup.why_not(server, first, log=folder / "baseline.log"):
            return place
        shutil.rmtree(place)
    return None
