"""How often the suite `performance` is wrong: false alarms and power of the very rule it ships.

`python benchmarks/performance_power.py` prints a table for each profile: noise drawn from
distributions, and noise resampled from the host that `performance_control.json` was measured on,
for true speed ratios.
`python benchmarks/performance_power.py measure DIR` measures that file anew on this host: the
engine in DIR against itself, in the order of the gate.
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
from engine_ci.gate import sequential, speed, timing
from engine_ci.gate.profiles import PROFILES
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Metric, Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine_ci.gate.profiles import Profile

    Speeds = dict[Role, NDArray[np.float64]]
    Draw = Callable[[np.random.Generator, int], Speeds]

MEASURED = Path(__file__).with_name("performance_control.json")
MEASURED_RESTARTS = 24
ROUNDS = PROFILES["quick"].questions[0].rounds
TRIALS = 2000
RATIOS = (1.0, 0.97, 0.95, 0.92, 0.90, 0.85)
ANY = Metric(name="any")


class Noise(NamedTuple):
    """Log-normal: sd of a pair, sd of a process, how often an answer takes 40 % longer."""

    pair: float
    process: float = 0.0
    spikes: float = 0.0

    def draw(self, generator: np.random.Generator, restarts: int) -> Speeds:
        """Speeds of equal engines: by role, (restarts, rounds)."""
        size = (restarts, ROUNDS)
        return {
            role: np.exp(
                self.pair / 2**0.5 * generator.normal(size=size)
                + self.process * generator.normal(size=(restarts, 1))
                - np.log(1.4) * (generator.random(size) < self.spikes)
            )
            for role in Role
        }


def resampled(measured: NDArray[np.float64]) -> Draw:
    """Whole restarts of a measured run; all roles are one program, so they change places."""

    def draw(generator: np.random.Generator, restarts: int) -> Speeds:
        chosen = generator.integers(measured.shape[1], size=restarts)
        drawn = [measured[generator.permutation(len(Role)), restart] for restart in chosen]
        return dict(zip(Role, np.stack(drawn, axis=1), strict=True))

    return draw


def verdicts(draw: Draw, profile: Profile, *, ratio: float) -> Counter[str]:
    """What the rule says in each trial, when the candidate's true speed ratio is `ratio`."""
    generator = np.random.default_rng(20261121)
    counts: Counter[str] = Counter()
    for _ in range(TRIALS):
        speeds = draw(generator, profile.looks[-1])
        speeds[Role.CANDIDATE] = ratio * speeds[Role.CANDIDATE]
        restarts, verdict = _verdict(speeds, profile)
        counts[verdict] += 1
        counts["restarts"] += restarts
    return counts


def _verdict(speeds: Speeds, profile: Profile) -> tuple[int, str]:
    """After how many restarts the question is decided, and what is said of it then."""
    policy = PerformancePolicy()
    looks = sequential.looks(profile.looks, confidence=policy.confidence)
    for look, confidence in looks.items():
        so_far = {role: values[:look] for role, values in speeds.items()}
        samples = Samples(metric=ANY, speeds=so_far)
        found = speed.compare(samples, limit=policy.limit, confidence=confidence)
        decided = sequential.is_decided([found], first=look == min(looks))
        if decided or look == max(looks):
            return look, found.measurement.verdict
    raise AssertionError("a profile has a look")


def tables() -> None:
    """Prints, in percent of trials: failed / inconclusive; the rest passed."""
    for name, profile in PROFILES.items():
        print(f"\n{name}: looks after {profile.looks} restarts of {ROUNDS} pairs, {TRIALS} trials")
        print("failed / inconclusive, percent, by true speed ratio; restarts at equal speed")
        print(f"{'noise':42}" + "".join(f"{ratio:>12.2f}" for ratio in RATIOS) + "  restarts")
        for noise, draw in _noises().items():
            counts = [verdicts(draw, profile, ratio=ratio) for ratio in RATIOS]
            cells = (
                f"{_percent(count['regressed']):.1f}/{_percent(count['inconclusive']):.1f}"
                for count in counts
            )
            restarts = counts[0]["restarts"] / TRIALS
            row = "".join(f"{cell:>12}" for cell in cells)
            print(f"{noise:42}{row}  {restarts:8.1f}")


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
        )
    }
    measured = json.loads(MEASURED.read_text())
    return drawn | {
        f"measured: {metric}": resampled(np.array(speeds)) for metric, speeds in measured.items()
    }


def _percent(count: int) -> float:
    return 100 * count / TRIALS


def measure(folder: Path) -> None:
    """Measures the engine in `folder` against itself, and says how noisy that was."""
    server = LlamaServer.in_folder(folder)
    profile = PROFILES["nightly"]
    with tempfile.TemporaryDirectory() as logs:
        session = list(
            timing.measure(
                dict.fromkeys(Role, server),
                models=located_models(),
                logs=Path(logs),
                seed=1,
                restarts=MEASURED_RESTARTS,
                questions=profile.questions,
            )
        )
    every = [timing.samples(session, metric) for metric in profile.metrics]
    rows = {
        samples.metric.name: [samples.speeds[role].round(2).tolist() for role in Role]
        for samples in every
    }
    lines = [f'"{metric}": {json.dumps(row)}' for metric, row in rows.items()]
    MEASURED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for samples in every:
        pairs = samples.log_ratios(Role.CONTROL)
        medians = np.median(pairs, axis=1)
        print(
            f"{samples.metric.name}: median {samples.typical(Role.BASELINE):.1f} per second, sd of "
            f"a pair {pairs.std(ddof=1):.3f}, of a restart's median {medians.std(ddof=1):.3f}"
        )


def located_models() -> dict[str, Path]:
    """The models that are asked, by name."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    return {name: each.path for name, each in located.items()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(Path(sys.argv[2]))
    else:
        tables()
