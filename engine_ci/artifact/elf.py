"""Reads facts from ELF images. What it reads was made by strangers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import elf_layout, elf_property, elf_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.artifact.elf_layout import Layout

BACKEND = "ggml_backend_init"
COMMIT = "LLAMA_COMMIT"
BUILD_NUMBER = "LLAMA_BUILD_NUMBER"
MODELS = "llama_init_from_model"
_NOTED: Final = (BACKEND, COMMIT, BUILD_NUMBER, MODELS)
_POINTER: Final = 8
_INT: Final = 4
_MACHINES: Final = {62: "x86_64", 183: "aarch64"}

_NEEDED, _RELA, _RELASZ, _SONAME, _RPATH, _RUNPATH = 1, 7, 8, 14, 15, 29
_VERNEED, _VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_LIBRARY: Final = struct.Struct("<HHIII")
_VERSION: Final = struct.Struct("<IHHII")
_RELOCATION: Final = struct.Struct("<QQq")
_PIECE: Final = 4096 * _RELOCATION.size
_MOST_VERSIONS: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What the loader would read of a program or library.

    Attributes:
        machine: the architecture: `x86_64`, `aarch64`, or its number for any other.
        needed: names of the libraries it asks for, in its order.
        runpath: where it looks for those, as written, `$ORIGIN` and all.
        rpath: the older kind, which counts for the libraries it loads too.
        exports: those of the symbols that mean something here.
        versions: of the symbols that it needs, such as `GLIBC_2.28`.
        executable_stack: whether it asks for a stack that code can be run from.
        level: of x86-64, without which it is not loaded, 1 to 4; 0 where it does not tell.
    """

    machine: str
    soname: str | None = None
    needed: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    exports: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    executable_stack: bool = False
    level: int = 0


def read(path: Path) -> Image:
    """The facts of one image.

    Raises:
        VerificationError: it is no ELF image, or a damaged or incomplete one.
    """
    with elf_layout.opened(path) as layout:
        _require_whole(layout, path)
        soname = layout.value(_SONAME)
        return Image(
            machine=_MACHINES.get(layout.machine, f"machine {layout.machine}"),
            soname=None if soname is None else layout.text(soname),
            needed=tuple(layout.text(each) for each in layout.values(_NEEDED)),
            runpath=_folders(layout, _RUNPATH),
            rpath=_folders(layout, _RPATH),
            exports=frozenset(name for name in _NOTED if elf_symbols.find(layout, name)),
            versions=frozenset(_versions(layout)),
            executable_stack=any(
                segment.kind == elf_layout.GNU_STACK and segment.flags & elf_layout.EXECUTABLE
                for segment in layout.segments
            ),
            level=elf_property.level(layout),
        )


def is_image(path: Path) -> bool:
    """Whether a file begins as an ELF image does."""
    with path.open("rb") as stream:
        return stream.read(len(elf_layout.MAGIC)) == elf_layout.MAGIC


def pointed_text(path: Path, symbol: str, *, most: int = 64) -> str | None:
    """The C string that an exported `const char *` points to.

    The linker leaves the address in a relocation and not always in the bytes themselves. None when
    the symbol is a mere copy of another image's, or no string of at most `most` bytes is there.
    """
    with elf_layout.opened(path) as layout:
        found = elf_symbols.find(layout, symbol)
        if found is None or found.size != _POINTER:
            return None
        address = _addend(layout, found.address) or int.from_bytes(
            layout.at(found.address, _POINTER), "little"
        )
        raw, end, _ = layout.at(address, most).partition(b"\0")
    return raw.decode("ascii", errors="replace") if address and raw and end else None


def stored_number(path: Path, symbol: str) -> int | None:
    """The value of an exported `int`; None when the file does not hold it."""
    with elf_layout.opened(path) as layout:
        found = elf_symbols.find(layout, symbol)
        raw = b"" if found is None else layout.at(found.address, _INT)
    return int.from_bytes(raw, "little", signed=True) if len(raw) == _INT else None


def _require_whole(layout: Layout, path: Path) -> None:
    """The loader maps a file that was cut off, and dies when it reads beyond its end."""
    expected = max(segment.offset + segment.size for segment in layout.segments)
    found = path.stat().st_size
    if found < expected:
        raise layout.damaged(f"cut off: expected {expected} bytes or more, found {found}")


def _folders(layout: Layout, tag: int) -> tuple[str, ...]:
    return tuple(folder for each in layout.values(tag) for folder in layout.text(each).split(":"))


def _versions(layout: Layout) -> Iterator[str]:
    """The versions that it needs, of each library one after the other."""
    library = layout.value(_VERNEED)
    left = _MOST_VERSIONS
    for _ in range(min(layout.value(_VERNEEDNUM) or 0, _MOST_VERSIONS)):
        if library is None:
            return
        _, count, _, first, following = layout.exactly(library, _LIBRARY)
        place = library + first
        for _ in range(min(count, left)):
            *_, name, step = layout.exactly(place, _VERSION)
            yield layout.text(name)
            left -= 1
            place += step
        library = library + following if following else None


def _addend(layout: Layout, address: int) -> int:
    """What a relocation puts at an address; 0 where none does."""
    start, size = layout.value(_RELA) or 0, layout.value(_RELASZ) or 0
    wanted = address.to_bytes(8, "little")
    for begin in range(0, size, _PIECE):
        piece = layout.at(start + begin, min(_PIECE, size - begin))
        if not piece:
            break
        found = piece.find(wanted)
        while found >= 0:
            if found % _RELOCATION.size == 0 and found + _RELOCATION.size <= len(piece):
                *_, addend = _RELOCATION.unpack_from(piece, found)
                return max(0, int(addend))
            found = piece.find(wanted, found + 1)
    return 0
