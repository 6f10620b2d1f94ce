"""One suite of one engine beside itself: `python -m benchmarks.gate.again NAME SUITE RUNS`.

For faults that show now and then. Prints what failed, and in how many runs.
"""

from __future__ import annotations

import sys

from benchmarks.gate import catalogue, engines
from benchmarks.gate.planted import as_it_ships, gated
from engine_ci.records.gate import Status


def main(name: str, suite: str, runs: int) -> None:
    """Gates the engine so many times."""
    (engine,) = catalogue.engines([name])
    folder = engines.ensure(engine)
    settings = as_it_ships()
    bad = 0
    for seed in range(runs):
        result = gated(folder, baseline=folder, settings=settings, suites=[suite], seed=seed)
        failed = [check for check in result.checks if check.status is Status.FAIL]
        bad += bool(failed)
        for check in failed:
            print(f"run {seed}: {check.id}: {check.observed}", flush=True)
    print(f"{name}: {suite} failed in {bad} of {runs} runs")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
