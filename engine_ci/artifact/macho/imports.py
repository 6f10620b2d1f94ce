"""What an image takes from others, in the words that bind opcodes and chained fixups share."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 1 << 20


class Ordinal(IntEnum):
    """Where dyld looks for a symbol that no library of the list is named for."""

    SELF = 0
    MAIN_EXECUTABLE = -1
    FLAT_LOOKUP = -2
    WEAK_LOOKUP = -3


class Import(NamedTuple):
    """One symbol that an image binds to.

    Attributes:
        name: as the linker knows it, leading underscore and all.
        ordinal: the library by its place in the list of dependencies, from 1, or an Ordinal.
            WEAK_LOOKUP is how C++ makes images share one definition; most have one of their own.
        weak: the symbol may be missing; a strong one that is missing keeps the image from loading.
    """

    name: str
    ordinal: int
    weak: bool


def distinct(imports: Iterable[Import]) -> tuple[Import, ...]:
    """Each once, in the order in which they first appear; MachOError when there are too many."""
    found: dict[Import, None] = {}
    for each in imports:
        found[each] = None
        if len(found) > MOST:
            raise MachOError(f"imports: expected at most {MOST}, found more")
    return tuple(found)
