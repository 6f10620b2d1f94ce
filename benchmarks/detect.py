"""What `engine-ci detect` costs, by the age of the pin: requests, bytes, seconds and memory.

Run as `python -m benchmarks.detect [ROUNDS]`. The whole command, as a user starts it, asks a server
on loopback (`benchmarks.upstream_server`) with 6,000 builds: with an empty cache, the next day with
nothing new, and the next day with eleven more builds. Bytes are those of bodies, packed. There is
no delay of a network in the seconds. The pages are made before anything is measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import upstream_server as upstream
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, GitHubReleases, Pin, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
AGES_DAYS = (7, 30, 90, 365)
PARTS: Mapping[Platform, str] = {
    "macos-arm64": "macos-arm64.tar.gz",
    "macos-x64": "macos-x64.tar.gz",
    "ubuntu-x64": "ubuntu-x64.tar.gz",
}
CONFIG = "schema: 1\npins: [pin.yaml]\nplatforms: [macos-arm64, macos-x64, ubuntu-x64]\n"


@dataclass(frozen=True)
class Run:
    """What one run of the command took; bytes as they came over the wire, memory in MB."""

    requests: int
    unchanged: int
    sent: int
    seconds: float
    cpu: float
    memory: float


def main() -> None:
    """Measures and prints."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with served() as url, tempfile.TemporaryDirectory() as folder:
        for days in AGES_DAYS:
            warm = Path(folder, f"warm-{days}")
            for newer in (0, upstream.A_DAY):
                once(app(warm, days=days), url, cache=warm / "cache", newer=newer)
            found: dict[str, list[Run]] = {}
            for number in range(rounds):
                home = app(Path(folder, f"{days}-{number}"), days=days)
                for name, newer in (
                    ("cold", 0), ("next day, nothing new", 0), ("next day, 11 more", upstream.A_DAY)
                ):  # fmt: skip
                    run = once(home, url, cache=home / "cache", newer=newer)
                    found.setdefault(name, []).append(run)
            for name, runs in found.items():
                print(f"{days:>4} days, {name:<22} {told(runs)}", flush=True)


@contextmanager
def served() -> Iterator[str]:
    """The address of the server."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.upstream_server"], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def app(folder: Path, *, days: int) -> Path:
    """An app whose pin is that old."""
    folder.mkdir(exist_ok=True)
    number = upstream.build(days * upstream.A_DAY)
    assets = {platform: upstream.asset(number, part) for platform, part in PARTS.items()}
    pin = Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=GitHubReleases(kind="github-releases", repository=upstream.REPOSITORY),
        version=f"b{number}",
        build=number,
        commit=Commit(id="0" * 40),
        platforms={
            platform: Asset(
                name=each.name, size=each.size, sha256=str(each.digest).removeprefix("sha256:")
            )
            for platform, each in assets.items()
        },
    )
    (folder / "pin.yaml").write_text(store.dump(pin), encoding="utf-8")
    (folder / "engine-ci.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


def once(home: Path, url: str, *, cache: Path, newer: int) -> Run:
    """One run of the command."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(cache),
        "PYTHONPATH": str(ROOT),
        "ENGINE_CI_RELEASES_API_URL": url,
    }
    command = [sys.executable, "-m", "engine_ci", "detect", "--json"]
    run = measured(command, environment, url, cwd=home, newer=newer)
    assert json.loads((home / "out").read_bytes())["decisions"]
    return run


def measured(
    command: Sequence[str], environment: Mapping[str, str], url: str, *, cwd: Path, newer: int
) -> Run:
    """One run of a program, whose output is kept in `out`."""
    ask(f"{url}/newer/{newer}")
    ask(f"{url}/counts")
    begin = time.perf_counter()
    with (cwd / "out").open("wb") as out:
        child = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out)
        _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    counts = ask(f"{url}/counts")
    return Run(
        requests=counts["requests"],
        unchanged=counts["unchanged"],
        sent=counts["sent"],
        seconds=seconds,
        cpu=used.ru_utime + used.ru_stime,
        memory=used.ru_maxrss / 1024,
    )


def ask(url: str) -> dict[str, int]:
    """What the server says of itself."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        counts: dict[str, int] = json.load(answer)
        return counts


def told(runs: list[Run]) -> str:
    """The medians of several runs, and the most of memory."""
    last = runs[-1]
    assert len({(run.requests, run.unchanged, run.sent) for run in runs}) == 1
    seconds, cpu = (
        statistics.median(getattr(run, name) for run in runs) for name in ("seconds", "cpu")
    )
    return (
        f"{last.requests:>2} requests ({last.unchanged} answered 304), "
        f"{last.sent / 1000:>5.0f} kB, "
        f"{seconds:.2f} s (CPU {cpu:.2f} s), {max(run.memory for run in runs):.0f} MB"
    )


if __name__ == "__main__":
    main()
