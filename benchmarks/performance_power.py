"""How often the suite `performance` is wrong: false alarms and power of the very rule it ships.

`python benchmarks/performance_power.py` prints a table: noise drawn from distributions, and noise
resampled from the host that `performance_control.json` was measured on, for true speed ratios.
`python benchmarks/performance_power.py measure DIR` measures that file anew on this host: the
engine in DIR against itself, in the order and at the length of the gate.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import platformdirs

from engine_ci.cli import models
from engine_ci.config import PerformancePolicy
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import speed, timing
from engine_ci.gate.profiles import PROFILES
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Draw = Callable[[np.random.Generator], dict[Role, NDArray[np.float64]]]

MEASURED = Path(__file__).with_name("performance_control.json")
MEASURED_RESTARTS = 24
QUICK, NIGHTLY = PROFILES["quick"], PROFILES["nightly"]
ROUNDS = QUICK.questions[0].rounds
TRIALS = 2000
RATIOS = (1.0, 0.97, 0.95, 0.90, 0.85)


class Noise(NamedTuple):
    """Log-normal: sd of a pair, sd of a process, how often an answer takes 40 % longer."""

    pair: float
    process: float = 0.0
    spikes: float = 0.0

    def draw(self, generator: np.random.Generator) -> dict[Role, NDArray[np.float64]]:
        """Speeds of equal engines: by role, (restarts, rounds)."""
        size = (RESTARTS, ROUNDS)
        return {
            role: np.exp(
                self.pair / 2**0.5 * generator.normal(size=size)
                + self.process * generator.normal(size=(RESTARTS, 1))
                - np.log(1.4) * (generator.random(size) < self.spikes)
            )
            for role in Role
        }


def resampled(metric: str) -> Draw:
    """Whole restarts of the measured run; all roles are one program, so they change places."""
    measured = np.array(json.loads(MEASURED.read_text())[metric])

    def draw(generator: np.random.Generator) -> dict[Role, NDArray[np.float64]]:
        restarts = generator.integers(measured.shape[1], size=RESTARTS)
        drawn = [measured[generator.permutation(len(Role)), restart] for restart in restarts]
        return dict(zip(Role, np.stack(drawn, axis=1), strict=True))

    return draw


def verdicts(draw: Draw, *, ratio: float) -> Counter[str]:
    """What the rule says in each trial, when the candidate's true speed ratio is `ratio`."""
    generator = np.random.default_rng(20261121)
    counts: Counter[str] = Counter()
    for _ in range(TRIALS):
        speeds = draw(generator)
        speeds[Role.CANDIDATE] = ratio * speeds[Role.CANDIDATE]
        found = speed.compare(Samples(metric="any", speeds=speeds), PerformancePolicy())
        counts[found.measurement.verdict] += 1
        counts["unfit"] += not found.fit
    return counts


def table() -> None:
    """Prints, in percent of trials: failed / inconclusive; the rest passed."""
    print(f"{RESTARTS} restarts of {ROUNDS} pairs, {TRIALS} trials; failed/inconclusive, percent")
    print(f"{'noise':42}  unfit" + "".join(f"{ratio:>12.2f}" for ratio in RATIOS))
    for name, draw in _noises().items():
        counts = [verdicts(draw, ratio=ratio) for ratio in RATIOS]
        cells = (
            f"{_percent(count['regressed']):.1f}/{_percent(count['inconclusive']):.1f}"
            for count in counts
        )
        unfit = _percent(counts[0]["unfit"])
        print(f"{name:42} {unfit:6.1f}" + "".join(f"{cell:>12}" for cell in cells))


def _noises() -> dict[str, Draw]:
    drawn = {
        f"pair {noise.pair:.2f}, process {noise.process:.2f}, spikes {noise.spikes:.0%}": noise.draw
        for noise in (
            Noise(pair=0.03),
            Noise(pair=0.05),
            Noise(pair=0.05, process=0.02),
            Noise(pair=0.05, process=0.02, spikes=0.1),
            Noise(pair=0.10),
            Noise(pair=0.10, process=0.03, spikes=0.1),
            Noise(pair=0.23),
            Noise(pair=0.40),
        )
    }
    return drawn | {
        f"measured: {question.metric}": resampled(question.metric) for question in QUESTIONS
    }


def _percent(count: int) -> float:
    return 100 * count / TRIALS


def measure(folder: Path) -> None:
    """Measures the engine in `folder` against itself, and says how noisy that was."""
    server = LlamaServer.in_folder(folder)
    with tempfile.TemporaryDirectory() as logs:
        session = list(
            timing.measure(
                dict.fromkeys(Role, server),
                models=_models(),
                logs=Path(logs),
                seed=1,
                restarts=MEASURED_RESTARTS,
            )
        )
    every = {question.metric: timing.samples(session, question.metric) for question in QUESTIONS}
    rows = {
        metric: [samples.speeds[role].round(1).tolist() for role in Role]
        for metric, samples in every.items()
    }
    lines = [f'"{metric}": {json.dumps(row)}' for metric, row in rows.items()]
    MEASURED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for metric, samples in every.items():
        pairs = samples.log_ratios(Role.CONTROL)
        medians = np.median(pairs, axis=1)
        print(
            f"{metric}: median {samples.typical(Role.BASELINE):.0f} tokens/s, sd of a pair "
            f"{pairs.std(ddof=1):.3f}, of a restart's median {medians.std(ddof=1):.3f}"
        )


def _models() -> dict[timing.ModelRole, Path]:
    located = models.located(cache=platformdirs.user_cache_path("engine-ci")).values()
    by_role = {each.model.role: each.path for each in located}
    return {"performance": by_role["performance"], "real": by_role["real"]}


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(Path(sys.argv[2]))
    else:
        table()
