"""Reads facts from PE images with LIEF. What it reads was made by strangers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.elf import BACKEND
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import lief

_HEADER: Final = 60  # where its place in the file is written
_MACHINES: Final = {0x8664: "x64", 0xAA64: "arm64"}
# LIEF holds the whole file and more: the largest that ship (CUDA's) are below 1 GB.
_MOST_BYTES: Final = 1 << 30
_MOST_LIBRARIES: Final = 1 << 10
# Of the table of imports, which ends with an entry without a name.
_ENTRY: Final = 20
_NAME: Final = slice(12, 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What the loader would read of a program or library.

    Attributes:
        machine: the architecture: `x64`, `arm64`, or its number for any other.
        needed: names of the libraries that it imports, in its order.
        delayed: of those that are loaded when something of them is first called.
        backend: whether it exports the function that ggml calls.
    """

    machine: str
    needed: tuple[str, ...] = ()
    delayed: tuple[str, ...] = ()
    backend: bool = False


def read(path: Path) -> Image:
    """The facts of one image.

    Raises:
        VerificationError: it is no PE image, a damaged or incomplete one, or too large to be read.
    """
    import lief  # noqa: PLC0415 - slow to load and large, and other systems do without

    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise VerificationError(f"{path.name}: expected at most {_MOST_BYTES} bytes, found {size}")
    with lief.logging.level_scope(lief.logging.LEVEL.OFF):
        binary = lief.PE.parse(str(path), _only_tables(lief.PE.ParserConfig()))
        if binary is None or not binary.sections:
            raise VerificationError(f"{path.name}: expected a PE image, found something unreadable")
        return _facts(binary, path, size=size)


def _only_tables(config: lief.PE.ParserConfig) -> lief.PE.ParserConfig:
    """Leaves out what is not asked for, so that a stranger's bytes reach less."""
    config.parse_arm64x_binary = False
    config.parse_exceptions = False
    config.parse_reloc = False
    config.parse_rsrc = False
    config.parse_signature = False
    return config


def _facts(binary: lief.PE.Binary, path: Path, *, size: int) -> Image:
    _require_whole(binary, path, size=size)
    needed = _names(binary.imports, path)
    _require_all(binary, path, count=len(needed))
    return Image(
        machine=_machine(path),
        needed=needed,
        delayed=_names(binary.delay_imports, path),
        backend=_exports(binary, BACKEND),
    )


def _machine(path: Path) -> str:
    """From the header's bytes: LIEF only knows the architectures that it has a name for."""
    with path.open("rb") as stream:
        stream.seek(_HEADER)
        stream.seek(int.from_bytes(stream.read(4), "little") + len(b"PE\0\0"))
        number = int.from_bytes(stream.read(2), "little")
    return _MACHINES.get(number, f"machine {number:#x}")


def _require_whole(binary: lief.PE.Binary, path: Path, *, size: int) -> None:
    """Windows refuses a file that was cut off."""
    expected = max(section.offset + section.size for section in binary.sections)
    if size < expected:
        raise VerificationError(
            f"{path.name}: cut off: expected {expected} bytes or more, found {size}"
        )


def _require_all(binary: lief.PE.Binary, path: Path, *, count: int) -> None:
    """LIEF passes over imports that it cannot read, so the table's end must follow the others."""
    table = binary.import_dir
    if table is None or not table.rva:
        return
    entry = bytes(binary.get_content_from_virtual_address(table.rva + count * _ENTRY, _ENTRY))
    if entry[_NAME] != bytes(4):
        raise VerificationError(f"{path.name}: the table of its imports is damaged")


def _names(
    libraries: Iterable[lief.PE.Import | lief.PE.DelayImport], path: Path
) -> tuple[str, ...]:
    """Names that may be shown and looked up; LIEF gives bytes where one is not UTF-8."""
    names = [library.name for library in islice(libraries, _MOST_LIBRARIES + 1)]
    if len(names) > _MOST_LIBRARIES:
        raise VerificationError(f"{path.name}: it imports more than {_MOST_LIBRARIES} libraries")
    for name in names:
        if isinstance(name, bytes) or not name or not name.isprintable():
            raise VerificationError(f"{path.name}: the name {name!a} is not readable")
    return tuple(map(str, names))


def _exports(binary: lief.PE.Binary, name: str) -> bool:
    exports = binary.get_export()
    return exports is not None and any(entry.name == name for entry in exports.entries)
