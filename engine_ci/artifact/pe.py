"""Reads facts from PE images. What it reads was made by strangers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import pe_layout, pe_tables
from engine_ci.artifact.elf import BACKEND, MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.pe_layout import Layout

_NOTED: Final = (BACKEND, MODELS)
_MACHINES: Final = {0x8664: "x64", 0xAA64: "arm64"}
_CERTIFICATES: Final = 4  # the only table that is named by its place in the file


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What the loader would read of a program or library.

    Attributes:
        machine: the architecture: `x64`, `arm64`, or its number for any other.
        needed: names of the libraries that it imports, in its order.
        delayed: of those that are loaded when something of them is first called.
        exports: those of the functions that mean something here.
        windows: the oldest version that it is for, by its header: 6.0 is Vista, 10.0 also 11.
        signed: whether a signature (Authenticode) comes with it; nothing is said of whose it is.
    """

    machine: str
    needed: tuple[str, ...] = ()
    delayed: tuple[str, ...] = ()
    exports: frozenset[str] = frozenset()
    windows: tuple[int, int] = (6, 0)
    signed: bool = False


def read(path: Path) -> Image:
    """The facts of one image.

    Raises:
        VerificationError: it is no PE image, or a damaged or incomplete one.
    """
    with pe_layout.opened(path) as layout:
        signature, size = layout.directory(_CERTIFICATES)
        _require_whole(layout, path, end=signature + size)
        return Image(
            machine=_MACHINES.get(layout.machine, f"machine {layout.machine:#x}"),
            needed=tuple(pe_tables.imports(layout)),
            delayed=tuple(pe_tables.delayed(layout)),
            exports=frozenset(name for name in _NOTED if pe_tables.exports(layout, name)),
            windows=layout.windows,
            signed=size > 0,
        )


def _require_whole(layout: Layout, path: Path, *, end: int) -> None:
    """Windows refuses a file that was cut off."""
    expected = max(end, *(section.offset + section.size for section in layout.sections))
    found = path.stat().st_size
    if found < expected:
        raise layout.damaged(f"cut off: expected {expected} bytes or more, found {found}")
