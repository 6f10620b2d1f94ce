"""The processor that an ELF image needs, where its note of GNU properties tells it to ld.so."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import elf_layout

if TYPE_CHECKING:
    from engine_ci.artifact.elf_layout import Layout

_PROPERTY: Final = struct.Struct("<II")
_GNU_PROPERTIES: Final = 5
_ISA_NEEDED: Final = 0xC0008002
_WORD: Final = 8
_MOST: Final = 1 << 12


def level(layout: Layout) -> int:
    """The level of x86-64 without which ld.so refuses the image, 1 to 4; 0 where it does not tell.

    The highest counts: a bit of the property stands for each level that is needed.
    """
    for segment in layout.segments:
        if segment.kind == elf_layout.GNU_PROPERTY:
            note = layout.at(segment.address, min(segment.size, _MOST))
            return _needed(_properties(note)).bit_length()
    return 0


def _properties(note: bytes) -> bytes:
    """What the note holds; nothing where it is another kind of note, or is cut off."""
    if len(note) < elf_layout.NOTE_HEAD.size:
        return b""
    _, size, kind, name = elf_layout.NOTE_HEAD.unpack_from(note)
    found = note[elf_layout.NOTE_HEAD.size : elf_layout.NOTE_HEAD.size + size]
    return found if (kind, name, len(found)) == (_GNU_PROPERTIES, b"GNU\0", size) else b""


def _needed(properties: bytes) -> int:
    place = 0
    while place + _PROPERTY.size <= len(properties):
        kind, size = _PROPERTY.unpack_from(properties, place)
        place += _PROPERTY.size
        if kind == _ISA_NEEDED:
            return int.from_bytes(properties[place : place + size][:4], "little")
        place += size + -size % _WORD
    return 0
