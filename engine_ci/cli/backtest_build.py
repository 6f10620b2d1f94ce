"""One build of a backtest: got, gated against its predecessor that runs, and written down."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine_ci.cli import gate as gate_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.config import Config
    from engine_ci.gate.backtest import Asked, Pair
    from engine_ci.records.backtest import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One pair, and all that a process of its own needs to gate it."""

    pair: Pair
    asked: Asked
    config: Config
    root: Path
    out: Path


def record(out: Path, package: str, version: str) -> Path:
    """The file of an outcome; the folder beside it without the suffix has the rest."""
    return out / f"{package}-{version}.json"


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
    path = record(job.out, job.asked.package, job.pair.version)
    documents.write(path, documents.dump_json(outcome))
    return outcome


def _gate(job: Job) -> Outcome:
    import platformdirs

    from engine_ci.gate import backtest as decide

    cache = platformdirs.user_cache_path("engine-ci")
    results = record(job.out, job.asked.package, job.pair.version).with_suffix("")
    with _emptied(results / "engines") as folder:
        candidate = _unpacked(job, job.pair.version, cache=cache, folder=folder)
        baseline = _baseline(job, cache=cache, folder=folder)
        result = gate_command.run(
            job.config,
            root=job.root,
            cache=cache,
            candidate=candidate,
            baseline=baseline,
            adapter=job.asked.adapter,
            suites=job.asked.suites,
            out=results,
            say=lambda _: None,
            package=job.asked.package.lower(),
        )
    against = None if baseline is None else baseline.name
    return decide.gated(job.pair, job.asked, result, baseline=against)


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

    found, _ = models.located(cache=cache)
    first = next(iter(found.values()))
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
