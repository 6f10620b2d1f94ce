"""Reads facts from ELF images with LIEF. What it reads was made by strangers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lief

from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from pathlib import Path

BACKEND = "ggml_backend_init"
COMMIT = "LLAMA_COMMIT"
BUILD_NUMBER = "LLAMA_BUILD_NUMBER"
MODELS = "llama_init_from_model"
_NOTED = frozenset({BACKEND, COMMIT, BUILD_NUMBER, MODELS})
_POINTER = 8
_INT = 4
_BIG_ENDIAN = 2
_MACHINES = {62: "x86_64", 183: "aarch64"}


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
    """

    machine: str
    soname: str | None = None
    needed: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    exports: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    executable_stack: bool = False


def read(path: Path) -> Image:
    """The facts of one image.

    Raises:
        VerificationError: it is no ELF image, or a damaged or incomplete one.
    """
    binary = _parse(path, relocations=False, versions=True)
    _require_whole(binary, path)
    soname, needed = None, []
    runpath: list[str] = []
    rpath: list[str] = []
    for entry in binary.dynamic_entries:
        match entry:
            case lief.ELF.DynamicSharedObject():
                soname = _text(entry.name, path)
            case lief.ELF.DynamicEntryLibrary():
                needed.append(_text(entry.name, path))
            case lief.ELF.DynamicEntryRunPath():
                runpath += _text(entry.runpath, path).split(":")
            case lief.ELF.DynamicEntryRpath():
                rpath += _text(entry.rpath, path).split(":")
            case _:
                pass
    return Image(
        machine=_machine(path),
        soname=soname,
        needed=tuple(needed),
        runpath=tuple(runpath),
        rpath=tuple(rpath),
        exports=frozenset(
            str(symbol.name)
            for symbol in binary.dynamic_symbols
            if symbol.name in _NOTED and symbol.exported
        ),
        versions=frozenset(
            _text(version.name, path)
            for library in binary.symbols_version_requirement
            for version in library.get_auxiliary_symbols()
        ),
        executable_stack=_executable_stack(binary),
    )


def pointed_text(path: Path, symbol: str, *, most: int = 64) -> str | None:
    """The C string that an exported `const char *` points to.

    The linker leaves the address in a relocation and not always in the bytes themselves. None when
    the symbol is a mere copy of another image's, or no string of at most `most` bytes is there.
    """
    binary = _parse(path, relocations=True)
    found = binary.get_dynamic_symbol(symbol)
    if found is None or found.size != _POINTER:
        return None
    addends = [place.addend for place in binary.relocations if place.address == found.value]
    stored = int.from_bytes(
        binary.get_content_from_virtual_address(found.value, _POINTER), "little"
    )
    address = next((addend for addend in addends if addend > 0), stored)
    raw, end, _ = bytes(binary.get_content_from_virtual_address(address, most)).partition(b"\0")
    return raw.decode("ascii", errors="replace") if address and raw and end else None


def stored_number(path: Path, symbol: str) -> int | None:
    """The value of an exported `int`; None when the file does not hold it."""
    binary = _parse(path, relocations=False)
    found = binary.get_dynamic_symbol(symbol)
    if found is None:
        return None
    raw = bytes(binary.get_content_from_virtual_address(found.value, _INT))
    return int.from_bytes(raw, "little", signed=True) if len(raw) == _INT else None


def _executable_stack(binary: lief.ELF.Binary) -> bool:
    stack = binary.get(lief.ELF.Segment.TYPE.GNU_STACK)
    return stack is not None and stack.has(lief.ELF.Segment.FLAGS.X)


def _machine(path: Path) -> str:
    """From the header's bytes: LIEF only knows the architectures that it has a name for."""
    with path.open("rb") as stream:
        header = stream.read(20)
    number = int.from_bytes(header[18:20], "big" if header[5] == _BIG_ENDIAN else "little")
    return _MACHINES.get(number, f"machine {number}")


def _parse(path: Path, *, relocations: bool, versions: bool = False) -> lief.ELF.Binary:
    config = lief.ELF.ParserConfig()
    config.parse_relocations = relocations
    config.parse_symtab_symbols = False
    config.parse_symbol_versions = versions
    config.parse_notes = False
    config.parse_overlay = False
    with lief.logging.level_scope(lief.logging.LEVEL.OFF):
        binary = lief.ELF.parse(str(path), config)
    if binary is None or not binary.segments:
        raise VerificationError(f"{path.name}: expected an ELF image, found something unreadable")
    return binary


def _require_whole(binary: lief.ELF.Binary, path: Path) -> None:
    """The loader maps a file that was cut off, and dies when it reads beyond its end."""
    expected = max(part.file_offset + part.physical_size for part in binary.segments)
    found = path.stat().st_size
    if found < expected:
        raise VerificationError(
            f"{path.name}: cut off: expected {expected} bytes or more, found {found}"
        )


def _text(value: str | bytes, path: Path) -> str:
    """A name that may be shown and looked up; LIEF gives bytes when it is not UTF-8."""
    if isinstance(value, bytes) or not value.isprintable():
        raise VerificationError(f"{path.name}: the name {value!a} is not readable")
    return value
