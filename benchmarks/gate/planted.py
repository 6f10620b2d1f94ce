"""Runs the gate for every engine of the catalogue, each against its baseline, one at a time.

`python -m benchmarks.gate.planted [NAME...]` builds what is missing and leaves one file for each
engine in `results/`. Started again, it goes on where it stopped: a result is kept as long as the
program, its baseline and the gate are those that it was made with, and it says yes or no.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks.gate import catalogue, engines
from benchmarks.gate.results import RESULTS, Result, Speed, findings, load_all
from engine_ci import config
from engine_ci.cli import models
from engine_ci.cli.platforms import known_platform
from engine_ci.config import PerformancePolicy
from engine_ci.gate.run import run_gate
from engine_ci.gate.setup import context_for
from engine_ci.records.gate import Status, Verdict
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.gate.catalogue import Engine
    from engine_ci.config import Config
    from engine_ci.records.gate import GateResult

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = ROOT / "examples" / "demo" / "app" / "engine-ci.yaml"
# What an answer of the gate depends on, besides the engines.
GATE: Final = (
    "engine_ci/engine/**/*.py",
    "engine_ci/gate/**/*.py",
    "engine_ci/records/gate.py",
    "fixtures/golden/**/*.json",
    "fixtures/templates/**/*.jinja",
    "pins/models.yaml",
)
SEED: Final = 20261121
# Of no answer at all, or of a host too busy to tell: worth asking again.
UNDECIDED: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE)


def main(names: Sequence[str]) -> None:
    """Asks what has not been asked yet, and prints one line for each engine."""
    known = {result.engine: result for result in load_all()}
    settings = as_it_ships()
    for engine in catalogue.engines(names):
        made_with = _made_with(engine)
        result = known.get(engine.name)
        if result is None or result.made_with != made_with or result.verdict in UNDECIDED:
            result = asked(engine, settings=settings, made_with=made_with)
            documents.write(RESULTS / f"{engine.name}.json", documents.dump_json(result))
        found = ", ".join(finding.check for finding in result.findings[:3])
        print(f"{engine.name:24} {result.verdict:12} {result.seconds:5.0f} s  {found}", flush=True)


def as_it_ships() -> Config:
    """The demo app's configuration, but for its limit of speed, which is for a demonstration."""
    settings = config.load(CONFIG)
    policy = settings.gate.model_copy(update={"performance": PerformancePolicy()})
    return settings.model_copy(update={"gate": policy})


def asked(engine: Engine, *, settings: Config, made_with: str) -> Result:
    """What the gate says of one engine beside its baseline."""
    (baseline,) = catalogue.engines([engine.baseline])
    answer = gated(
        engines.ensure(engine),
        baseline=engines.ensure(baseline),
        settings=settings,
        suites=engine.suites,
        seed=SEED,
    )
    return compact(engine, answer, made_with=made_with)


def gated(
    candidate: Path, *, baseline: Path, settings: Config, suites: Sequence[str], seed: int
) -> GateResult:
    """One run of the gate, without its reports."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    with tempfile.TemporaryDirectory() as logs:
        context, setup = context_for(
            candidate,
            baseline=baseline,
            platform=known_platform(None),
            models=located,
            config=settings,
            logs=Path(logs),
            seed=seed,
        )
        now = datetime.now(UTC)
        return run_gate(context, suites, now=now, progress=lambda _: None, setup=setup)


def compact(engine: Engine, answer: GateResult, *, made_with: str) -> Result:
    """What is kept of a gate's result: all that did not pass, and the measurements."""
    return Result(
        engine=engine.name,
        baseline=engine.baseline,
        made_with=made_with,
        suites=engine.suites,
        verdict=answer.verdict,
        seconds=round(answer.seconds, 1),
        passed=sum(check.status is Status.PASS for check in answer.checks),
        findings=findings(answer),
        speed=tuple(
            Speed(
                metric=measured.metric,
                ratio=round(measured.ratio, 3),
                low=round(measured.low, 3),
                high=round(measured.high, 3),
            )
            for measured in answer.performance
        ),
    )


def _made_with(engine: Engine) -> str:
    """Changes with the program, its baseline, the suites asked or the gate."""
    (baseline,) = catalogue.engines([engine.baseline])
    files = sorted(path for pattern in GATE for path in ROOT.glob(pattern))
    parts = [engines.key(engine), engines.key(baseline), *engine.suites]
    parts += [documents.sha256_of(path) for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main(sys.argv[1:])
