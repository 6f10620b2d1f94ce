"""Pure. The processor that an ELF file needs, where its note of GNU properties tells ld.so."""

from __future__ import annotations

import struct
from typing import Final

# The kind of an ELF segment that holds such a note.
SEGMENT: Final = 0x6474E553
# The sizes of name and content, the kind of the note, and the name.
_HEAD: Final = struct.Struct("<III4s")
_PROPERTY: Final = struct.Struct("<II")
_GNU_PROPERTIES: Final = 5
_ISA_NEEDED: Final = 0xC0008002
_WORD: Final = 8


def level(note: bytes) -> int:
    """The level of x86-64 without which ld.so refuses the file, 1 to 4; 0 where it does not tell.

    The highest counts: a bit of the property stands for each level that is needed.
    """
    return _needed(_properties(note)).bit_length()


def _properties(note: bytes) -> bytes:
    """What the note holds; nothing where it is another kind of note, or is cut off."""
    if len(note) < _HEAD.size:
        return b""
    _, size, kind, name = _HEAD.unpack_from(note)
    found = note[_HEAD.size : _HEAD.size + size]
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
