"""What of a PE image names a build: when it was linked, its checksum, and its debug information."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import pe_layout
from engine_ci.artifact.volatile import Volatile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.artifact.pe_layout import Layout

# Of the headers, in bytes from where they begin.
_LINKED: Final = range(8, 12)
_CHECKSUM: Final = range(88, 92)
_EXPORTS, _DEBUG = 0, 6  # of the data directories
_TIME: Final = range(4, 8)  # in an entry of either
_ENTRY: Final = struct.Struct("<12xIII4x")
_MOST_ENTRIES: Final = 32
_CODE_VIEW, _REPRODUCIBLE = 2, 16
_NAMED: Final = b"RSDS"
_ID: Final = range(4, 24)  # behind that: a GUID and a count
_LONGEST_HASH: Final = 64


def volatile(path: Path) -> Volatile:
    """Where an image names its build; the build number and the commit have no place of their own.

    Raises:
        VerificationError: it is no PE image, or a damaged one.
    """
    with pe_layout.opened(path) as layout:
        header = range(layout.start, layout.start + _CHECKSUM.stop)
        return Volatile(
            ranges=(
                _within(header, _LINKED),
                _within(header, _CHECKSUM),
                *_exported(layout),
                *_debug(layout),
            )
        )


def _within(place: range, part: range) -> range:
    """A part of a place; nothing where the file ends before."""
    whole = part.stop <= len(place)
    return range(place.start + part.start, place.start + part.stop) if whole else range(0)


def _exported(layout: Layout) -> Iterator[range]:
    address, size = layout.directory(_EXPORTS)
    if address:
        yield _within(layout.place(address, size), _TIME)


def _debug(layout: Layout) -> Iterator[range]:
    """The times of all entries, and what names the file with the debug information."""
    table, size = layout.directory(_DEBUG)
    for number in range(min(size // _ENTRY.size, _MOST_ENTRIES)):
        place = layout.place(table + number * _ENTRY.size, _ENTRY.size)
        if len(place) < _ENTRY.size:
            return
        yield _within(place, _TIME)
        kind, length, address = layout.exactly(table + number * _ENTRY.size, _ENTRY)
        if kind == _CODE_VIEW and layout.at(address, len(_NAMED)) == _NAMED:
            yield _within(layout.place(address, length), _ID)
        elif kind == _REPRODUCIBLE and length <= _LONGEST_HASH:
            yield layout.place(address, length)
