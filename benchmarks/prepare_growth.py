"""How `prepare` and the fast path of `ensure` grow with the number of files.

Run as `python -m benchmarks.prepare_growth`. A toy engine among 100, 1,000 and 10,000 other files
of 1 kB, in a wheel and in a tar.gz with as many links; once the files are dropped and once they are
kept. Processor time of this process, the least of three; the last column is time per file over that
of the smallest archive, which stays near or below 1 where growth is linear.
"""

from __future__ import annotations

import dataclasses
import os
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.artifact import bundle
from tests.unit.artifact import wheels

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.artifact.bundle import Request

COUNTS = (100, 1_000, 10_000)
ROUNDS = 3


def main() -> None:
    """Measures and prints."""
    print("archive, files               seconds     per file   ratio")
    for make in (wheel, release):
        for keep in ((), ("*.txt",)):
            first = None
            for count in COUNTS:
                seconds = least(make, count=count, keep=keep)
                first = first or seconds / count
                what = f"{make.__name__}, {'kept' if keep else 'dropped'}, {count}"
                each = seconds / count
                print(f"{what:<26} {seconds:9.3f} {1e6 * each:9.0f} µs {each / first:7.2f}")


def least(make: Callable[..., Path], *, count: int, keep: tuple[str, ...]) -> float:
    """Seconds of the quickest run."""
    return min(measured(make, count=count, keep=keep) for _ in range(ROUNDS))


def measured(make: Callable[..., Path], *, count: int, keep: tuple[str, ...]) -> float:
    """Seconds of a processor that one preparation takes."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        asked = request(folder, make(folder, count=count), keep=keep)
        begin = time.process_time()
        bundle.prepare(asked)
        return time.process_time() - begin


def request(folder: Path, path: Path, *, keep: tuple[str, ...]) -> Request:
    """A request for an archive that is here."""
    asked = wheels.request(folder, wheels.asset(path), archive=path)
    return dataclasses.replace(asked, keep=keep)


def wheel(folder: Path, *, count: int) -> Path:
    """A wheel with that many other files, spread over folders."""
    others = {f"toy_engine/data/{n % 97}/{n}.txt": os.urandom(1000) for n in range(count)}
    return wheels.wheel(folder, wheels.engine() | others)


def release(folder: Path, *, count: int) -> Path:
    """A tar.gz with that many others, half of them links to the other half."""
    path = folder / "llama-b11434-bin-ubuntu-x64.tar.gz"
    top = "llama-b11434"
    files = wheels.engine()
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            if not name.startswith("toy_engine-"):
                wheels.add(archive, f"{top}/{name.removeprefix('toy_engine/')}", content)
        wheels.add(archive, f"{top}/LICENSE", wheels.LICENCE)
        for n in range(count // 2):
            wheels.add(archive, f"{top}/data/{n % 97}/{n}.txt", os.urandom(1000))
            link = tarfile.TarInfo(f"{top}/data/{n % 97}/{n}.link.txt")
            link.type, link.linkname = tarfile.SYMTYPE, f"{n}.txt"
            archive.addfile(link)
    return path


if __name__ == "__main__":
    main()
