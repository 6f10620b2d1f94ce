"""Writes a GGUF that differs from another in a few facts of its header and in nothing else."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from gguf import GGUFReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gguf.gguf_reader import ReaderField

Fact = str | bool


def write(path: Path, base: Path, *, facts: Mapping[str, Fact]) -> None:
    """Writes the file, in place: give a temporary path where it must be whole or absent.

    Args:
        path: of the new file.
        base: a verified GGUF.
        facts: new values, of the same types, of keys that `base` has.
    """
    reader = GGUFReader(base)
    old = base.read_bytes()
    header, done = b"", 0
    for field in sorted((reader.fields[key] for key in facts), key=lambda field: field.offset):
        start = field.offset + _size(field, parts=slice(3))  # behind the key and the type
        header += old[done:start] + _encoded(facts[field.name])
        done = field.offset + _size(field)
    last = reader.tensors[-1].field
    header += old[done : last.offset + _size(last)]
    path.write_bytes(header + bytes(-len(header) % reader.alignment) + old[reader.data_offset :])


def _size(field: ReaderField, parts: slice = slice(None)) -> int:
    return sum(part.nbytes for part in field.parts[parts])


def _encoded(fact: Fact) -> bytes:
    if isinstance(fact, bool):
        return struct.pack("<?", fact)
    text = fact.encode()
    return struct.pack("<Q", len(text)) + text
