"""Generation speed of engines by number of threads: `python -m benchmarks.gate.reproduce A B...`.

The suite `performance` measures with one thread. #27126 is a fault of threads, so this looks at it
apart: the engines run one after the other, several times, on the real model.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks.gate import catalogue, engines
from engine_ci.cli import models
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.stopwatch import Stopwatch
from engine_ci.gate import streaming
from engine_ci.gate.speed import Metric
from engine_ci.gate.streaming import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.gate.catalogue import Engine

THREADS: Final = (1, 2, 4, 8)
ROUNDS: Final = 5
SPEED: Final = Metric(name="generation")
QUESTION: Final = Question(
    model="smollm2-135m",
    prompt_tokens=8,
    tokens=16,
    rounds=2,
    metrics={SPEED: streaming.generation},
)


def main(names: Sequence[str]) -> None:
    """Prints the median speed of each engine at each number of threads."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    model = located[QUESTION.model].path
    chosen = catalogue.engines(names)
    for threads in THREADS:
        speeds: dict[str, list[float]] = {engine.name: [] for engine in chosen}
        for _ in range(ROUNDS):
            for engine in chosen:
                speeds[engine.name].append(speed(engine, model=model, threads=threads))
        for name, measured in speeds.items():
            print(f"{name:24} {threads} threads  {statistics.median(measured):7.1f} tokens/s")


def speed(engine: Engine, *, model: Path, threads: int) -> float:
    """Tokens per second of one answer, the second after a start."""
    server = LlamaServer.in_folder(engines.ensure(engine))
    settings = Settings(threads=threads, context=1024)
    with (
        tempfile.TemporaryDirectory() as logs,
        supervisor.start(server, model=model, settings=settings, log=Path(logs, "log")) as running,
    ):
        watch = Stopwatch(running.pid)
        streaming.ask(running.client, QUESTION, watch=watch)
        return streaming.generation(streaming.ask(running.client, QUESTION, watch=watch))


if __name__ == "__main__":
    main(sys.argv[1:])
