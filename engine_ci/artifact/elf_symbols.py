"""Symbols that an ELF image exports, looked up by name in its hash tables, as ld.so does it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.artifact.elf_layout import Layout

_HASH, _SYMTAB, _GNU_HASH = 4, 6, 0x6FFFFEF5
_WORD: Final = struct.Struct("<I")
_PAIR: Final = struct.Struct("<II")
_FOUR: Final = struct.Struct("<IIII")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_EXPORTED: Final = {1, 2, 10}  # global, weak, unique
# Of one bucket; more are a circle, or an image that is made to take time.
_MOST: Final = 1 << 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """A symbol that the image defines; `address` in memory, `size` in bytes."""

    address: int
    size: int


def find(layout: Layout, name: str) -> Symbol | None:
    """The exported symbol of that name.

    Raises:
        VerificationError: the tables lead out of the file.
    """
    symbols = layout.value(_SYMTAB)
    if symbols is None:
        return None
    for index in islice(_candidates(layout, name.encode()), _MOST):
        word, info, _, section, address, size = layout.exactly(symbols + 24 * index, _SYMBOL)
        if section and info >> 4 in _EXPORTED and layout.text(word) == name:
            return Symbol(address=address, size=size)
    return None


def _candidates(layout: Layout, name: bytes) -> Iterator[int]:
    """Indices of the symbols in the bucket of a name."""
    if (table := layout.value(_GNU_HASH)) is not None:
        return _gnu(layout, table, name)
    if (table := layout.value(_HASH)) is not None:
        return _system_v(layout, table, name)
    return iter(())


def _gnu(layout: Layout, table: int, name: bytes) -> Iterator[int]:
    buckets, first, bloom, _ = layout.exactly(table, _FOUR)
    if not buckets:
        return
    digest = 5381
    for byte in name:
        digest = (digest * 33 + byte) & 0xFFFFFFFF
    start = table + _FOUR.size + 8 * bloom
    (index,) = layout.exactly(start + 4 * (digest % buckets), _WORD)
    if index < first or not first:
        return
    for place in range(index, index + _MOST):
        (stored,) = layout.exactly(start + 4 * (buckets + place - first), _WORD)
        if stored | 1 == digest | 1:
            yield place
        if stored & 1:
            return


def _system_v(layout: Layout, table: int, name: bytes) -> Iterator[int]:
    buckets, _ = layout.exactly(table, _PAIR)
    if not buckets:
        return
    digest = 0
    for byte in name:
        digest = (digest << 4) + byte
        high = digest & 0xF0000000
        digest = (digest ^ high >> 24) & ~high
    start = table + _PAIR.size
    (index,) = layout.exactly(start + 4 * (digest % buckets), _WORD)
    while index:
        yield index
        (index,) = layout.exactly(start + 4 * (buckets + index), _WORD)
