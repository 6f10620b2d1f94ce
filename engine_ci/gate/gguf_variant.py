"""Writes a GGUF that differs from another in a few facts of its header and in nothing else.

Of the format: `GGUF`, version, counts of tensors and of facts, then the facts, each a key, a type
and a value (ggml-org/ggml, docs/gguf.md).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from gguf import GGUFReader, GGUFValueType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gguf.gguf_reader import ReaderField

Fact = str | bool

_COUNT: Final = struct.Struct("<Q")
_COUNT_AT: Final = 16  # bytes
_FACTS_AT: Final = _COUNT_AT + _COUNT.size


def write(
    path: Path,
    base: Path,
    *,
    facts: Mapping[str, Fact],
    tokens: Mapping[str, int] | None = None,
) -> None:
    """Writes the file, in place: give a temporary path where it must be whole or absent.

    Args:
        path: of the new file.
        base: a verified GGUF.
        facts: new values, of the same types, of keys that `base` has.
        tokens: IDs of special tokens that `base` does not know, such as `fim_pre`.
    """
    reader = GGUFReader(base)
    old = base.read_bytes()
    added = [_token(name, number) for name, number in (tokens or {}).items()]
    (count,) = _COUNT.unpack_from(old, _COUNT_AT)
    header = old[:_COUNT_AT] + _COUNT.pack(count + len(added)) + b"".join(added)
    done = _FACTS_AT
    for field in sorted((reader.fields[key] for key in facts), key=lambda field: field.offset):
        start = field.offset + _size(field, parts=slice(3))  # behind the key and the type
        header += old[done:start] + _encoded(facts[field.name])
        done = field.offset + _size(field)
    last = reader.tensors[-1].field
    header += old[done : last.offset + _size(last)]
    path.write_bytes(header + bytes(-len(header) % reader.alignment) + old[reader.data_offset :])


def _size(field: ReaderField, parts: slice = slice(None)) -> int:
    return sum(part.nbytes for part in field.parts[parts])


def _token(name: str, number: int) -> bytes:
    """A whole fact: the ID of a special token."""
    key = _encoded(f"tokenizer.ggml.{name}_token_id")
    return key + struct.pack("<II", GGUFValueType.UINT32, number)


def _encoded(fact: Fact) -> bytes:
    if isinstance(fact, bool):
        return struct.pack("<?", fact)
    text = fact.encode()
    return _COUNT.pack(len(text)) + text
