"""What llama.cpp's bytes say of themselves: the commit, the build number, the architectures known.

The build writes `LLAMA_BUILD_TARGET`, `LLAMA_COMPILER` and `LLAMA_COMMIT` as exported strings that
lie side by side. Where none is exported, or no ELF file exports it, they are found by that
neighbourhood: what a pointer in a Mach-O file leads to is not followed.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from engine_ci.artifact import elf
from engine_ci.artifact.searching import places
from engine_ci.pins.model import WHOLE_COMMIT, Commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HEX = re.compile(r"[0-9a-f]{7,40}")
_COMPILER = rb"(?:GNU|Clang|AppleClang|IntelLLVM|MSVC) \d[^\0]{0,24}\0+"
_TARGET = rb"(?:[A-Z]\w+ )?(?:aarch64|AMD64|arm64|ARM64|x64|x86_64)\0"
# GCC puts the compiler before the commit, the linkers of Apple and Microsoft after it, and the
# target then. Where strings are sorted (LLVM's) neighbours mean nothing, and the target is not one.
_NEIGHBOURS = re.compile(
    rb"%(c)s([0-9a-f]{7,40})\0|\0([0-9a-f]{7,40})\0+%(c)s%(t)s" % {b"c": _COMPILER, b"t": _TARGET}
)
_COMPILERS = (b"Clang ", b"GNU ", b"IntelLLVM ", b"MSVC ")
_NEAR = 128
_PART = 1 << 12
_LANDMARK = b"\0qwen3moe\0"
_ARCHITECTURE = re.compile(rb"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_REACH = 1 << 14
_NO_CHANCE = 10  # names that are sorted, and not by chance
# A shallow checkout counts one commit and says `build 1`: nobody knows which.
_UNKNOWN_BUILD = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What the images of one engine say together; `commit` is None when they disagree."""

    commit: Commit | None
    build: int | None
    architectures: tuple[str, ...]


def read(images: Mapping[Path, frozenset[str]]) -> Stamp:
    """Reads the stamps of one engine's images: the noted symbols that they export, by file.

    Only images that export the commit or the model loader are searched for those, if there are any;
    backends, which are ggml's alone and may be large, for no commit.
    """
    others = {path: exports for path, exports in images.items() if elf.BACKEND not in exports}
    commits = {commit(path, exports) for path, exports in _exporting(elf.COMMIT, others)} - {None}
    builds = {build(path, exports) for path, exports in images.items()} - {None}
    names = {name for path, _ in _exporting(elf.MODELS, images) for name in architectures(path)}
    return Stamp(
        commit=commits.pop() if len(commits) == 1 else None,
        build=builds.pop() if len(builds) == 1 else None,
        architectures=tuple(sorted(names)),
    )


def commit(path: Path, exports: frozenset[str]) -> Commit | None:
    """The upstream commit that an image was built from; None when its bytes do not tell."""
    if elf.COMMIT in exports and elf.is_image(path):
        said = elf.pointed_text(path, elf.COMMIT) or ""
    else:
        with _bytes(path) as data:
            said = next(_beside_compilers(data), "")
    if not _HEX.fullmatch(said):
        return None
    return Commit(id=said, abbreviated=len(said) < WHOLE_COMMIT)


def _beside_compilers(data: mmap.mmap) -> Iterator[str]:
    """Commits that stand beside a compiler's name; the names are found first, which is quick."""
    for name in _COMPILERS:
        for found in map(_NEIGHBOURS.search, _around(data, name)):
            if found is not None:
                yield next(filter(None, found.groups())).decode()


def _around(data: mmap.mmap, name: bytes) -> Iterator[bytes]:
    """What stands around a name, hardly a byte of it twice: a file may be full of that name."""
    end = 0
    for at in places(data, name):
        if at >= end:
            end = at + _PART
            yield data[max(0, at - _NEAR) : end + _NEAR]


def build(path: Path, exports: frozenset[str]) -> int | None:
    """The build number that an image gives itself; None when it is absent or a shallow clone's."""
    if elf.BUILD_NUMBER not in exports:
        return None
    number = elf.stored_number(path, elf.BUILD_NUMBER)
    return number if number is not None and number > _UNKNOWN_BUILD else None


def architectures(path: Path) -> tuple[str, ...]:
    """The names of model architectures that an image's bytes hold, sorted.

    They are the strings of `LLM_ARCH_NAMES`, which lie one after the other around `qwen3moe`. A
    name that is the end of a longer one (`bert` of `modern-bert`) or that is used elsewhere too
    (`qwen2`) is stored there and not here: a name in this list is known to the engine, one that is
    not may be as well. None where the linker (LLVM's) sorted strings by their ends, since other
    words stand among them then.
    """
    with _bytes(path) as data:
        at = next(places(data, _LANDMARK), None)
        if at is None:
            return ()
        before = _strings(data[max(0, at - _REACH) : at])
        after = _strings(data[at + 1 : at + _REACH])
    first, last = (list(takewhile(_ARCHITECTURE.fullmatch, each)) for each in (before[::-1], after))
    names = first[::-1] + last
    if len(names) >= _NO_CHANCE and names == sorted(names, key=_from_its_end, reverse=True):
        return ()
    return tuple(sorted({name.decode() for name in names} - {"unknown"}))


def _from_its_end(name: bytes) -> bytes:
    return name[::-1]


def _strings(data: bytes) -> list[bytes]:
    """The C strings; Visual C++ fills up between them."""
    return list(filter(None, data.split(b"\0")))


def _exporting(
    symbol: str, images: Mapping[Path, frozenset[str]]
) -> list[tuple[Path, frozenset[str]]]:
    exporting = [(path, exports) for path, exports in images.items() if symbol in exports]
    return exporting or list(images.items())


def _bytes(path: Path) -> mmap.mmap:
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
