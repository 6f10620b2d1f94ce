"""What of an ELF image names a build: its build ID, its number, and notes that nothing loads."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import elf, elf_layout, elf_symbols
from engine_ci.artifact.volatile import Volatile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.artifact.elf_layout import Layout, Segment

_BUILD_ID: Final = (4, 3, b"GNU\0")
_LONGEST_ID: Final = 64
_MOST_NOTES: Final = 1 << 12  # bytes of them
_INT: Final = 4

# Of the header: where the table of sections is, its entries' size and number, that of the names.
_TABLE: Final = struct.Struct("<Q10xHHH")
_TABLE_AT: Final = 40
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_STORED, _LOADED = 1, 2
_MOST_SECTIONS: Final = 1 << 10
_UNLOADED: Final = (b".comment\0", b".gnu_debuglink\0")


def volatile(path: Path) -> Volatile:
    """Where an image names its build.

    Raises:
        VerificationError: it is no ELF image, or a damaged one.
    """
    with elf_layout.opened(path) as layout:
        return Volatile(
            ranges=(*_build_ids(layout), *_number(layout), *_unloaded(layout)),
            texts=tuple(
                _within(segment)
                for segment in layout.segments
                if segment.kind == elf_layout.LOAD and segment.flags == elf_layout.READABLE
            ),
        )


def _within(segment: Segment) -> range:
    return range(segment.offset, segment.offset + segment.size)


def _build_ids(layout: Layout) -> Iterator[range]:
    for segment in layout.segments:
        if segment.kind == elf_layout.NOTE:
            notes = layout.stored(segment.offset, min(segment.size, _MOST_NOTES))
            for place in _ids(notes):
                yield range(segment.offset + place.start, segment.offset + place.stop)


def _ids(notes: bytes) -> Iterator[range]:
    """Where in a segment of notes build IDs are."""
    at = 0
    while at + elf_layout.NOTE_HEAD.size <= len(notes):
        name_size, size, kind, name = elf_layout.NOTE_HEAD.unpack_from(notes, at)
        begin = at + 12 + name_size + -name_size % 4
        at = begin + size + -size % 4
        if (name_size, kind, name) == _BUILD_ID and size <= _LONGEST_ID and at <= len(notes):
            yield range(begin, begin + size)


def _number(layout: Layout) -> Iterator[range]:
    """Where the build number is stored: the code reads it from there."""
    symbol = elf_symbols.find(layout, elf.BUILD_NUMBER)
    found = layout.loading(symbol.address) if symbol is not None and symbol.size == _INT else None
    if found is not None:
        segment, into = found
        if into + _INT <= segment.size and not segment.flags & elf_layout.EXECUTABLE:
            yield range(segment.offset + into, segment.offset + into + _INT)


def _unloaded(layout: Layout) -> Iterator[range]:
    """The notes of compiler and debugger, where they are in nothing that is loaded."""
    table, size, count, names_index = _TABLE.unpack(layout.stored(_TABLE_AT, _TABLE.size))
    raw = layout.stored(table, min(count, _MOST_SECTIONS) * _SECTION.size)
    if size != _SECTION.size or names_index * size + size > len(raw):
        return
    _, _, _, _, names_at, *_ = _SECTION.unpack_from(raw, names_index * size)
    for at in range(0, len(raw) - size + 1, size):
        name, kind, flags, _, offset, length, *_ = _SECTION.unpack_from(raw, at)
        text = layout.stored(names_at + name, max(map(len, _UNLOADED)))
        if kind == _STORED and not flags & _LOADED and text.startswith(_UNLOADED):
            place = range(offset, offset + length)
            if not any(_overlap(place, _within(segment)) for segment in layout.segments):
                yield place


def _overlap(one: range, other: range) -> bool:
    return max(one.start, other.start) < min(one.stop, other.stop)
