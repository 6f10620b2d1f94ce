"""What an engine keeps of a request: how often the suite `memory` asks twice, or errs.

`python benchmarks/memory_growth.py REPEATS FOLDER...`, with folders that hold one good llama-server
each. For each engine, cache and number of slots: the largest slope, the largest lower bound, how
often a second round was asked for, and how often it failed.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from engine_ci.config import EnginePolicy
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import memory, statistics
from engine_ci.records.gate import Status

MODEL = Path(__file__).parents[1] / "fixtures" / "zoo" / "stable.gguf"
SLOTS = ("1", "4")


def grown(server: LlamaServer, own: tuple[str, ...], *, seed: int, log: Path) -> memory.Growth:
    """One run with the app's default arguments and `own`."""
    command = server.app_command((*EnginePolicy().argv, *own), model=MODEL)
    with supervisor.running(command, log=log) as engine:
        return memory.grow(seed, engine)


def main(repeats: int, folders: list[str]) -> None:
    """Prints a line for each engine, cache and number of slots."""
    caches = (memory.NO_CACHE, memory.SMALL_CACHE)
    with tempfile.TemporaryDirectory() as logs:
        for folder, cache, slots in product(folders, caches, SLOTS):
            server = LlamaServer.in_folder(Path(folder))
            own = (*cache, "--parallel", slots)
            found = [
                grown(server, own, seed=seed, log=Path(logs) / "log") for seed in range(repeats)
            ]
            trends = [statistics.trend(run.rounds[0], confidence=0.99) for run in found]
            failed = [memory.judge_growth(run).status is Status.FAIL for run in found]
            print(
                f"{folder} {' '.join(own)}: {repeats} runs, "
                f"slope up to {max(trend.slope for trend in trends) / 1024:.2f} KiB, "
                f"lower bound up to {max(trend.low for trend in trends) / 1024:.2f} KiB, "
                f"{sum(len(run.rounds) - 1 for run in found)} asked twice, {sum(failed)} failed"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
