"""How long `engine-ci report history` takes for a thousand results, and how sure its moves are.

Run as `python -m benchmarks.history [gate.json]`: copies of that result, else of one that is made
up to be as large as a real one, each of another build, are written as `engine-history.yml` keeps
them. The command runs in a process of its own. Then chains of builds that are all equally fast, and
chains with one build that is slower, are measured as the gate does it, restart by restart, in three
kinds of noise: how often is a move seen where none is, and how often is the one that is?
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.errors import RecordError
from engine_ci.gate import sequential, statistics
from engine_ci.gate.profiles import PROFILES
from engine_ci.records.gate import GateResult, Measurement
from engine_ci.report import builds, chains, runs
from engine_ci.system import documents
from tests.unit.report import build, past

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RESULTS: Final = 1000
LIMIT_S: Final = 5.0
CHAINS: Final = 200
BUILDS: Final = 50
# Of one restart; of a whole measurement about a third of a per cent.
SIGMA: Final = 0.01
ROOT: Final = Path(__file__).resolve().parents[1]
KINDS: Final = ("normal", "laplace", "student")


def main(stored: str | None = None) -> None:
    """Measures and prints."""
    like = documents.load_json(Path(stored), GateResult, error=RecordError) if stored else made_up()
    with tempfile.TemporaryDirectory() as name:
        size = written(Path(name), like)
        clock, processor = rendered(Path(name))
        pages = {path.name: path.stat().st_size for path in Path(name).glob("history.*")}
    print(f"{RESULTS} results of {size / 1024:.0f} KiB each")
    print(f"clock {clock:.2f} s, processor {processor:.2f} s (at most {LIMIT_S} s)")
    print(", ".join(f"{name}: {size / 1024:.0f} KiB" for name, size in sorted(pages.items())))
    print(f"\n{CHAINS} chains of {BUILDS} builds; a measurement errs by {error():.2%}")
    print("noise     moves where none is   found where one is, of a size in such errors")
    sizes = (6, 8, 10)
    for kind in KINDS:
        none = share(kind, at=0.0)
        found = "   ".join(f"{at}: {share(kind, at=at):5.1%}" for at in sizes)
        print(f"{kind:9} {none:19.1%}   {found}")


def made_up() -> GateResult:
    """A result with as many checks, flags and pairs as one of mineru's builds."""
    checks = [
        build.check(f"suite-{number % 11}/model-{number}", observed="ready in 0.06 s " * 4)
        for number in range(300)
    ]
    flags = tuple(f"--a-flag-of-the-server-{number}" for number in range(400))
    pairs = tuple((1.0123, 0.9876, 1.0012, 0.9988) for _ in range(16))
    measured = [
        past.measurement(1.0, metric=metric.name).model_copy(update={"samples": pairs})
        for metric in PROFILES["quick"].metrics
    ]
    result = past.gated(1, *measured).model_copy(update={"checks": tuple(checks)})
    told = {
        role: facts.model_copy(update={"flags": flags})
        for role, facts in result.engines
        if facts is not None
    }
    return result.model_copy(update={"engines": result.engines.model_copy(update=told)})


def written(folder: Path, like: GateResult) -> int:
    """Leaves a result for each build; gives the size of the last, in bytes."""
    text = ""
    for number in range(1, RESULTS + 1):
        there = past.gated(number)
        named = {
            role: {
                "version": facts.version,
                "build": facts.build,
                "tree_sha256": facts.tree_sha256,
                "runtime": facts.runtime,
            }
            for role, facts in there.engines
        }
        told = {role: getattr(like.engines, role).model_copy(update=named[role]) for role in named}
        engines = like.engines.model_copy(update=told)
        result = like.model_copy(update={"engines": engines, "started": there.started})
        place = folder / f"{number:040x}" / "gate-macos-15"
        text = documents.dump_json(result)
        documents.write(place / "gate" / "gate.json", text)
        documents.write(place / "check.json", documents.dump_json(past.record(result)))
    return len(text.encode())


def rendered(folder: Path) -> tuple[float, float]:
    """Seconds of the clock and of the processor that the command takes."""
    begin, before = time.perf_counter(), _processor()
    command = [sys.executable, "-m", "engine_ci", "report", "history", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin, _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def error() -> float:
    """Of one measurement: its restarts' by the square root of how many they are."""
    return SIGMA / math.sqrt(min(PROFILES["quick"].looks))


def share(kind: str, *, at: float) -> float:
    """Of the chains those with a move, of just the build in the middle where that one moved."""
    found = 0
    for seed in range(CHAINS):
        moved = moves(kind, seed=seed, by=at * error())
        middle = BUILDS // 2
        found += any(first == last == middle for first, last in moved) if at else bool(moved)
    return found / CHAINS


def moves(kind: str, *, seed: int, by: float) -> list[tuple[int, int]]:
    """First and last builds of what is said to have moved; the one in the middle did, `by`."""
    noise = drawn(kind, np.random.default_rng(seed))
    restarts = min(PROFILES["quick"].looks)
    confidence = sequential.looks(PROFILES["quick"].looks, confidence=0.99)[restarts]
    seen = []
    for number in range(BUILDS):
        values = SIGMA * noise(restarts) + (by if number == BUILDS // 2 else 0.0)
        found = statistics.shift(values, confidence=confidence)
        seen.append(runs.of("simulated", past.gated(number + 1, _measurement(found))))
    (chain,) = chains.of(builds.of(seen))
    return [(move.first, move.last) for move in chain.moves]


def _measurement(found: statistics.Shift) -> Measurement:
    ratio, low, high = map(math.exp, (found.estimate, found.low, found.high))
    bounds = {"ratio": ratio, "low": low, "high": high}
    return past.measurement(1.0).model_copy(update=bounds)


def drawn(kind: str, random: np.random.Generator) -> Callable[[int], NDArray[np.float64]]:
    """Values around 0 with a deviation of 1."""
    if kind == "laplace":
        return lambda count: random.laplace(size=count) / math.sqrt(2)
    if kind == "student":
        return lambda count: random.standard_t(3, count) / math.sqrt(3)
    return random.standard_normal


if __name__ == "__main__":
    main(*sys.argv[1:])
