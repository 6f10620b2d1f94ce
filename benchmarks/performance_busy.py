"""How often the suite `performance` is wrong while every core has other work to do.

    python -m benchmarks.performance_busy SESSIONS [--load compute|memory|none] [--engine NAME]
    python -m benchmarks.performance_busy 0

Measures so many sessions of the profile `quick`: a build against itself, 0.1.2 and 0.1.3 in turn,
or with `--engine` one of those in `benchmarks/gate/catalogue.py` against its baseline. The same
answers are timed twice: as the suite does, and by the plain clock. Each restart adds a line to
`benchmarks/gate/results/performance_busy.jsonl`; a session that is stopped counts for the noise
only, and the next call begins another. Then prints what all lines together say: how noisy it was by
either clock, the verdicts of whole sessions, and those of sessions drawn from all restarts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psutil

from benchmarks import wheels
from benchmarks.gate import catalogue, engines
from benchmarks.gate.false_alarms import BUILDS
from benchmarks.performance_power import located_models
from engine_ci.config import PerformancePolicy
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import sequential, speed, timing
from engine_ci.gate.profiles import PROFILES
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Metric, Samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from engine_ci.engine.stopwatch import Mark
    from engine_ci.gate.speed import Comparison
    from engine_ci.gate.streaming import Question, Speed, Stream
    from engine_ci.gate.timing import Restart

    Line = dict[str, Any]

RESULTS: Final = Path(__file__).parent / "gate" / "results" / "performance_busy.jsonl"
# As long as their parent lives.
LOADS: Final = {
    "none": None,
    "compute": "import os\nours = os.getppid()\nwhile os.getppid() == ours: pass",
    "memory": "import os, numpy\nours = os.getppid()\na = numpy.ones(16 << 20)\nb = a.copy()\n"
    "while os.getppid() == ours: b[:] = a",
}
PROFILE: Final = PROFILES["quick"]
POLICY: Final = PerformancePolicy()
LOOKS: Final = sequential.looks(PROFILE.looks, confidence=POLICY.confidence)
PLAIN: Final = "plain-"
RATIOS: Final = (1.0, 0.97, 0.95, 0.92, 0.90, 0.85)
TRIALS: Final = 500


def main() -> None:
    """Measures so many sessions, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", type=int)
    parser.add_argument("--load", choices=LOADS, default="compute")
    parser.add_argument("--engine", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as downloads:
        for _ in range(options.sessions):
            number = 1 + max((line["session"] for line in _lines()), default=-1)
            for line in run(number, load=options.load, engine=options.engine, into=Path(downloads)):
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line | {"speeds": "..."}), flush=True)
    table(_lines())


def run(number: int, *, load: str, engine: str, into: Path) -> Iterator[Line]:
    """One session, with other work on every core: a line for each restart."""
    servers = _catalogued(engine) if engine else _itself(BUILDS[number % len(BUILDS)], into=into)
    with ExitStack() as stack:
        for _ in range((psutil.cpu_count() or 1) if LOADS[load] else 0):
            burning = subprocess.Popen([sys.executable, "-c", LOADS[load] or ""])
            stack.callback(burning.kill)
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measured = timing.measure(
            servers,
            models=located_models(),
            logs=logs,
            seed=number,
            restarts=max(LOOKS),
            questions=[_timed_twice(question) for question in PROFILE.questions],
        )
        begin = time.monotonic()
        for restart in _until_clear(measured):
            yield {
                "session": number,
                "engine": engine or BUILDS[number % len(BUILDS)],
                "load": load,
                "load_average": round(os.getloadavg()[0], 1),
                "seconds": round(time.monotonic() - begin, 1),
                "waited": round(timing.waited([restart]) or 0.0, 3),
                "speeds": {
                    metric.name: {
                        role.value: [round(speeds[role], 3) for speeds in rounds] for role in Role
                    }
                    for metric, rounds in restart.speeds.items()
                },
            }


def _itself(build: str, *, into: Path) -> dict[Role, LlamaServer]:
    folder = into / build
    program = next(folder.rglob("llama-server"), None) or wheels.server(build, into=folder)
    return dict.fromkeys(Role, LlamaServer(program))


def _catalogued(name: str) -> dict[Role, LlamaServer]:
    (candidate,) = catalogue.engines([name])
    (baseline,) = catalogue.engines([candidate.baseline])
    found = dict.fromkeys(Role, LlamaServer.in_folder(engines.ensure(baseline)))
    return found | {Role.CANDIDATE: LlamaServer.in_folder(engines.ensure(candidate))}


def _timed_twice(question: Question) -> Question:
    plain = {
        replace(metric, name=PLAIN + metric.name): _by_the_clock(told)
        for metric, told in question.metrics.items()
    }
    return replace(question, metrics={**question.metrics, **plain})


def _by_the_clock(told: Speed) -> Speed:
    def bare(mark: Mark) -> Mark:
        return replace(mark, engine={}, ours={})

    def plain(stream: Stream) -> float:
        pieces = tuple(piece._replace(mark=bare(piece.mark)) for piece in stream.pieces)
        return told(replace(stream, asked=bare(stream.asked), pieces=pieces))

    return plain


def _until_clear(measured: Iterable[Restart]) -> Iterator[Restart]:
    """Restarts until the suite would ask nothing more; here it is all asked to the end."""
    session: list[Restart] = []
    for restart in measured:
        session.append(restart)
        yield restart
        every = {
            metric: timing.samples(session, metric)
            for question in PROFILE.questions
            for metric in question.metrics
        }
        if len(session) in LOOKS and _all_decided(every, len(session)):
            return


def _all_decided(every: Mapping[Metric, Samples], look: int) -> bool:
    return all(
        sequential.is_decided(
            [compared(every[metric], look) for metric in question.metrics], first=look == min(LOOKS)
        )
        for question in PROFILE.questions
    )


def compared(samples: Samples, look: int) -> Comparison:
    """What the suite says of one metric after so many restarts."""
    return speed.compare(samples, limit=POLICY.limit, confidence=LOOKS[look])


def table(lines: Sequence[Line]) -> None:
    """Prints how noisy it was by either clock, and what the suite says of the whole sessions."""
    for load, engine in sorted({(line["load"], _kind(line)) for line in lines}):
        chosen = [line for line in lines if (line["load"], _kind(line)) == (load, engine)]
        sessions = [
            [line for line in chosen if line["session"] == number]
            for number in sorted({line["session"] for line in chosen})
        ]
        print(
            f"\n{engine}, load {load}: {len(sessions)} sessions, {len(chosen)} restarts; medians: "
            f"load average {_median(chosen, 'load_average'):.1f}, "
            f"{_median(chosen, 'waited'):.0%} of the time are waits"
        )
        for prefix in ("", PLAIN):
            for metric in PROFILE.metrics:
                print(_noise(chosen, replace(metric, name=prefix + metric.name)))
        whole = [session for session in sessions if _is_whole(session)]
        print(f"  whole sessions: {dict(Counter(_verdict(session) for session in whole))}")
        for prefix, ratios in (("", RATIOS), (PLAIN, RATIOS[:1])):
            for ratio in ratios if engine == "itself" else (1.0,):
                counts = Counter(_drawn_verdicts(chosen, prefix=prefix, ratio=ratio))
                shares = ", ".join(f"{name} {n / TRIALS:.1%}" for name, n in counts.items())
                print(f"  {prefix}drawn at {ratio:.2f}: {shares}")


def _median(lines: Sequence[Line], key: str) -> float:
    return float(np.median([line[key] for line in lines]))


def _kind(line: Line) -> str:
    return "itself" if line["engine"] in BUILDS else str(line["engine"])


def _noise(lines: Sequence[Line], metric: Metric) -> str:
    samples = _samples(lines, metric)
    control = samples.log_ratios(Role.CONTROL)
    ratio = np.exp(np.median(np.median(samples.log_ratios(Role.CANDIDATE), axis=1)))
    return (
        f"  {metric.name:20} sigma of a pair {control.std(ddof=1):.3f}, of a restart's median "
        f"{np.median(control, axis=1).std(ddof=1):.3f}; typical ratio {ratio:.3f}"
    )


def _samples(lines: Sequence[Line], metric: Metric, *, ratio: float = 1.0) -> Samples:
    """Those of some restarts, had the candidate been slower by `ratio`."""
    factors = {Role.CANDIDATE: ratio}
    return Samples(
        metric=metric,
        speeds={
            role: factors.get(role, 1.0)
            * np.array([line["speeds"][metric.name][role.value] for line in lines])
            for role in Role
        },
    )


def _drawn_verdicts(lines: Sequence[Line], *, prefix: str, ratio: float) -> Iterator[str]:
    """Of sessions whose restarts are drawn from these; equal programs change places."""
    generator = np.random.default_rng(20261121)
    for _ in range(TRIALS):
        session = [lines[index] for index in generator.integers(len(lines), size=max(LOOKS))]
        if _kind(lines[0]) == "itself":
            session = [_permuted(line, generator.permutation(len(Role))) for line in session]
        yield _verdict(session, prefix=prefix, ratio=ratio)


def _permuted(line: Line, order: NDArray[np.int64]) -> Line:
    speeds = {
        metric: dict(zip(Role, [[*measured.values()][index] for index in order], strict=True))
        for metric, measured in line["speeds"].items()
    }
    return line | {"speeds": speeds}


def _is_whole(session: Sequence[Line]) -> bool:
    """Whether nothing more would have been asked."""
    every = {metric: _samples(session, metric) for metric in PROFILE.metrics}
    looked = len(session) in LOOKS and _all_decided(every, len(session))
    return looked or len(session) == max(LOOKS)


def _verdict(session: Sequence[Line], *, prefix: str = "", ratio: float = 1.0) -> str:
    """The suite's word on a whole session."""
    found = {
        comparison.measurement.verdict
        for question in PROFILE.questions
        for comparison in _decided(session, question, prefix=prefix, ratio=ratio)
    }
    if "regressed" in found:
        return "failed"
    return "inconclusive" if "inconclusive" in found else "passed"


def _decided(
    session: Sequence[Line], question: Question, *, prefix: str, ratio: float
) -> list[Comparison]:
    """One question's metrics at the look that decides it, else at the last there is."""
    metrics = [replace(metric, name=prefix + metric.name) for metric in question.metrics]
    found: list[Comparison] = []
    for look in (look for look in LOOKS if look <= len(session)):
        every = [_samples(session[:look], metric, ratio=ratio) for metric in metrics]
        found = [compared(samples, look) for samples in every]
        if sequential.is_decided(found, first=look == min(LOOKS)):
            break
    return found


def _lines() -> list[Line]:
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


if __name__ == "__main__":
    main()
