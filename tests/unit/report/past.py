"""Gate results of many builds, one after the other, for the tests of the history."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from engine_ci.records.check import CheckRecord, Metal
from engine_ci.records.gate import Closure, EngineFile, Engines, Measurement, Verdict
from engine_ci.records.runtime import Grade, Measured
from engine_ci.report import runs
from tests.unit.report import build

if TYPE_CHECKING:
    from engine_ci.records.gate import EngineFacts, GateResult
    from engine_ci.report.runs import Run

BEGAN = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)


def engine(number: int, **changes: object) -> EngineFacts:
    """The build of that number, which has a flag and a library of its own."""
    facts = build.engine(f"b{number}", build=number or None)
    values = {
        "tree_sha256": f"{number:064x}",
        "flags": ("--port", f"--flag-{number}"),
        "closure": Closure(
            size=(20 << 20) + number,
            files=(EngineFile(path="bin/llama-server", size=number + 1, sha256="a" * 64),),
            system_libraries=("libc.so.6", f"lib{number}.so"),
        ),
        "runtime": Measured(health=Grade.OK, start_s=1.0 + number, resident=1 << 20),
    }
    return facts.model_copy(update=values | changes)


def measurement(ratio: float, *, metric: str = "generation", error: float = 0.01) -> Measurement:
    """A ratio whose bounds are so far away, as logarithms."""
    return Measurement(
        metric=metric,
        ratio=ratio,
        low=ratio * math.exp(-error),
        high=ratio * math.exp(error),
        pairs=48,
        restarts=12,
        verdict="ok",
    )


def gated(number: int, *measured: Measurement, before: int | None = None) -> GateResult:
    """What the gate said of a build, held against the one before it."""
    baseline = engine(number - 1 if before is None else before)
    passed = build.result(
        build.check("loads/a"),
        engines=Engines(candidate=engine(number), baseline=baseline),
        performance=measured,
    )
    return passed.model_copy(update={"started": BEGAN + timedelta(days=number)})


def record(result: GateResult, **changes: object) -> CheckRecord:
    """What `check` left beside it."""
    candidate, baseline = result.engines.candidate, result.engines.baseline
    values: dict[str, Any] = {
        "schema": 1,
        "head": f"{candidate.build or 0:040x}",
        "base": "b" * 40,
        "pull": candidate.build,
        "runner": "macos-15",
        "pin": candidate.pin,
        "platform": candidate.platform,
        "candidate": candidate.version,
        "baseline": baseline.version if baseline else None,
        "pin_moved": True,
        "same_engine": False,
        "verdict": Verdict.PASS,
        "devices": None,
        "metal": Metal(state="ran"),
        "gate_sha256": "a" * 64,
        "started": result.started,
        "seconds": 61.5,
    }
    return CheckRecord.model_validate(values | changes)


def run(number: int, *ratios: float, before: int | None = None, **changes: object) -> Run:
    """The run that brought a build, with its speed of generation over that of the one before."""
    result = gated(number, *map(measurement, ratios), before=before)
    return runs.of("gate-macos-15", result, record(result, **changes))


def many() -> list[Run]:
    """Thirty builds on one kind of machine, and every third of them on an older one.

    The twelfth is slower, those after the twentieth a little each; nothing else moves.
    """
    random = Random(4)
    found = []
    for number in range(1, 31):
        slower = 0.96 if number == 12 else 0.994 if number > 20 else 1.0
        measured = [
            measurement(by * math.exp(random.gauss(0, 0.003)), metric=metric)
            for metric, by in (("prompt", 1.0), ("first-token", 1.0), ("generation", slower))
        ]
        found.append(_on("macos-15", number, *measured, start_s=random.uniform(0.3, 0.4)))
        if number % 3 == 0:
            found.append(_on("macos-14", number, start_s=random.uniform(0.4, 0.5)))
    return found


def _on(runner: str, number: int, *measured: Measurement, start_s: float) -> Run:
    result = gated(number, *measured)
    runtime = Measured(health=Grade.OK, start_s=start_s, resident=(48 << 20) + number % 4)
    candidate = result.engines.candidate.model_copy(update={"runtime": runtime})
    engines = result.engines.model_copy(update={"candidate": candidate})
    there = result.model_copy(update={"engines": engines})
    return runs.of(f"gate-{runner}", there, record(there, runner=runner))


def named(words: str) -> list[Run]:
    """Two builds of which everything that others name is `words`."""
    found = []
    for number in (1, 2):
        result = gated(number, measurement(0.7, metric=words))
        facts = result.engines.candidate.model_copy(update={"flags": (words,)})
        engines = result.engines.model_copy(update={"candidate": facts})
        host = result.host.model_copy(update={"processor": words})
        told = result.model_copy(update={"engines": engines, "host": host})
        found.append(runs.of(words, told, record(result, runner=words)))
    return found


def slower_from(number: int, *, builds: int = 30) -> list[Run]:
    """Builds of which those from one on start and stand on another level."""
    return [
        _on("macos-15", each, start_s=(0.2 if each < number else 0.4) + each % 3 / 1000)
        for each in range(1, builds + 1)
    ]
