"""Feeds readers with damaged files: no crash, no stray error, no hang, no file outside.

    python -m benchmarks.fuzz macho --runs 1000000 [--seed 1] [--result FILE]

Anything that a reader raises but VerificationError ends the run and leaves the bytes beside it.
A reader gets 2 GB of memory more than there was at the start, and ten seconds for one file.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.fuzz.mutations import Mutator
from benchmarks.fuzz.readers import READERS
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from benchmarks.fuzz.readers import Reader

_MEMORY = 2 << 30
_SECONDS = 10


@dataclass(kw_only=True)
class Result:
    """What came of a run; times in seconds of the processor, `slowest` of one file."""

    reader: str
    seed: int
    files: int = 0
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    peak_mb: float = 0.0


def main() -> None:
    """Runs one reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--result", type=Path)
    arguments = parser.parse_args()
    _bound()
    result = run(READERS[arguments.reader], runs=arguments.runs, seed=arguments.seed)
    text = json.dumps(asdict(result), indent=1)
    print(text)
    if arguments.result:
        arguments.result.write_text(text + "\n")


def run(reader: Reader, *, runs: int, seed: int) -> Result:
    """Feeds so many damaged files."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    mutators = [Mutator(raw) for raw in reader.seeds()]
    result = Result(reader=reader.name, seed=seed)
    start = time.process_time()
    with reader.opened() as feed:
        for result.files in range(1, runs + 1):
            raw = chance.choice(mutators).mutated(chance)
            begin = time.process_time()
            signal.alarm(_SECONDS)
            try:
                feed(raw)
                result.read += 1
            except VerificationError:
                result.refused += 1
            except BaseException:
                stray = Path(f"stray-{reader.name}-{seed}-{result.files}")
                stray.write_bytes(raw)
                print(f"the bytes are in {stray}", file=sys.stderr)
                raise
            result.slowest = max(result.slowest, time.process_time() - begin)
    signal.alarm(0)
    result.seconds = round(time.process_time() - start, 1)
    result.slowest = round(result.slowest, 4)
    result.peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return result


def _bound() -> None:
    """A reader that takes too much memory or time is stopped where it stands."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + _MEMORY, now + _MEMORY))
    signal.signal(signal.SIGALRM, _too_long)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"a file took more than {_SECONDS} seconds")


if __name__ == "__main__":
    main()
