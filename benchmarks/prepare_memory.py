"""How much memory `engine-ci prepare` takes of archives that are far larger than real ones.

Run as `python -m benchmarks.prepare_memory [MB …]`, 250 and 1,000 MB when none is given. One
library of a real engine is made that much larger with bytes that do not compress, where its format
lets other bytes stand: behind an ELF or PE image, in the __LINKEDIT of a Mach-O one, which is
signed. Besides, an engine among 19,000 other files, and one whose licence is as large as said. Each
preparation runs in a fresh process, whose peak is the kernel's `VmHWM`; 150 MB are the limit for
all of them, and that the peak does not grow with the archive.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from benchmarks import prepare
from engine_ci.artifact.macho import commands, layout
from engine_ci.artifact.macho.commands import LC
from engine_ci.pins.model import Asset, GitHubReleases
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.pins.model import Pin

MEGABYTE: Final = 1_000_000
SIZES: Final = (250, 1_000)
FILES: Final = 19_000
TOP: Final = "llama-b10434"
LICENCE: Final = "LICENSE"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way in which an archive is large.

    Attributes:
        name: of the archive; it tells the format.
        pin: whose engine is in it.
        large: the file that grows, by its name; a licence where the engine has no such file.
    """

    name: str
    pin: Pin
    large: str


KINDS: Final = (
    Kind(name="library-ubuntu-x64.zip", pin=prepare.PIN, large="libllama.so.0"),
    Kind(name="library-ubuntu-x64.tar.gz", pin=prepare.PIN, large="libllama.so.0"),
    Kind(name="library-ubuntu-x64.tar.xz", pin=prepare.PIN, large="libllama.so.0"),
    Kind(name="library-macos-arm64.tar.gz", pin=prepare.MAC_PIN, large="libllama.0.dylib"),
    Kind(name="library-windows-x64.zip", pin=prepare.WINDOWS_PIN, large="llama.dll"),
    Kind(name="licence-ubuntu-x64.zip", pin=prepare.PIN, large=LICENCE),
)


def main(sizes: tuple[int, ...]) -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        pins = {kind.pin.version: kind.pin for kind in KINDS}
        wheels = {version: prepare.cached(pin) for version, pin in pins.items()}
        for kind in KINDS:
            for size in sizes:
                archive = packed(wheels[kind.pin.version], kind, size=size * MEGABYTE)
                measured(archive, kind)
        measured(crowded(wheels[prepare.PIN.version]), KINDS[0])


def measured(archive: Path, kind: Kind) -> None:
    """Prepares an archive in a process of its own, prints its peak, and removes the archive."""
    argv = [sys.executable, "-m", "benchmarks.prepare_memory", "child", kind.name, str(archive)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(argv, cwd=root, stdout=subprocess.PIPE, check=True, text=True)
    peak: float = json.loads(done.stdout.splitlines()[-1])
    print(f"{archive.name:36} {archive.stat().st_size / 1e6:7.0f} MB  peak {peak:5.1f} MB")
    archive.unlink()


def child(name: str, archive: Path) -> None:
    """One preparation; the peak is told to the parent."""
    (kind,) = (each for each in KINDS if each.name == name)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare.run(released(archive, kind.pin), "--archive", str(archive))
        os.chdir("/")
    print(json.dumps(prepare.peak()))


def released(archive: Path, of: Pin) -> Pin:
    """A pin of the archive as a release of upstream."""
    asset = Asset(
        name=archive.name, size=archive.stat().st_size, sha256=documents.sha256_of(archive)
    )
    upstream = GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp")
    changed = {
        "source": upstream,
        "version": "b10434",
        "build": 10434,
        "platforms": dict.fromkeys(of.platforms, asset),
    }
    return of.model_copy(update=changed)


def packed(wheel: Path, kind: Kind, *, size: int) -> Path:
    """The engine of a wheel, with one file made `size` bytes larger, in another archive."""
    path = Path(f"{size // MEGABYTE}-{kind.name}").resolve()
    with writer(path) as add:
        found = False
        for name, content in engine(wheel):
            found |= name == kind.large
            add(name, larger(content, size=size) if name == kind.large else content)
        if not found:
            add(kind.large, noise(size))
    return path


def crowded(wheel: Path) -> Path:
    """The engine of a wheel among very many files."""
    path = Path(f"{FILES}-files-ubuntu-x64.zip").resolve()
    with writer(path) as add:
        for name, content in engine(wheel):
            add(name, content)
        for number in range(FILES):
            add(f"data/{number % 97}/{number}.txt", noise(1000))
    return path


def engine(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the engine by name; a wheel's folders hold no name twice that matters."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if path.parent.name in {"bin", "lib"}:
                yield f"{path.parent.name}/{path.name}", archive.read(name)


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return hashlib.shake_256().digest(size)


def larger(content: bytes, *, size: int) -> bytes:
    """An image with other bytes where its format lets them stand."""
    if content[:4] != layout.MAGIC.to_bytes(4, "little"):
        return content + noise(size)
    (image,) = layout.slices(content)
    changed = bytearray(content)
    signature = image.one(LC.CODE_SIGNATURE)
    assert signature is not None
    placed = commands.LINKEDIT.read(image.body(signature), 0, what="signature")
    linkedit = next(each for each in image.segments if each.name == "__LINKEDIT")
    size -= size % 0x4000
    head = linkedit.command.offset
    record = commands.SEGMENT.read(image.body(linkedit.command), 0, what="segment")
    grown = record._replace(
        memory_size=record.memory_size + size, file_size=record.file_size + size
    )
    for at, raw in (
        (signature.offset, commands.LINKEDIT.pack(placed._replace(offset=placed.offset + size))),
        (head, commands.SEGMENT.pack(grown)),
    ):
        changed[at : at + len(raw)] = raw
    return bytes(changed[: placed.offset]) + noise(size) + bytes(changed[placed.offset :])


@contextmanager
def writer(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """What adds a file to a new archive, of the kind that its name ends with."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
            yield lambda name, content: made.writestr(f"{TOP}/{name}", content)
        return
    with (
        tarfile.open(path, "w:xz", preset=0)
        if path.suffix == ".xz"
        else tarfile.open(path, "w:gz", compresslevel=1)
    ) as archive:

        def add(name: str, content: bytes) -> None:
            info = tarfile.TarInfo(f"{TOP}/{name}")
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))

        yield add


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], Path(sys.argv[3]))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)
