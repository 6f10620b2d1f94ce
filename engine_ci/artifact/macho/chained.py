"""Imports that chained fixups state: one table, which replaced bind opcodes in macOS 12."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import fields
from engine_ci.artifact.macho.fields import Form
from engine_ci.artifact.macho.imports import MOST, Import
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNCOMPRESSED = 0


class Header(NamedTuple):
    """`dyld_chained_fixups_header`; offsets count from it."""

    version: int
    starts_offset: int
    imports_offset: int
    symbols_offset: int
    imports: int
    imports_format: int
    symbols_format: int


class _Format(NamedTuple):
    """How one import is packed: low bits first the ordinal, then weak, then where its name is."""

    record: struct.Struct
    ordinal_bits: int
    name_shift: int


HEADER = Form("<7I", Header)
_FORMATS = {
    1: _Format(struct.Struct("<I"), ordinal_bits=8, name_shift=9),
    2: _Format(struct.Struct("<I4x"), ordinal_bits=8, name_shift=9),
    3: _Format(struct.Struct("<Q8x"), ordinal_bits=16, name_shift=32),
}


def imports(fixups: memoryview) -> Iterator[Import]:
    """The imports of what LC_DYLD_CHAINED_FIXUPS points to, in order.

    Raises:
        MachOError: it is damaged, or of a version or format that is not known.
    """
    header = HEADER.read(fixups, 0, what="chained fixups")
    form = _FORMATS.get(header.imports_format)
    if header.version or form is None or header.symbols_format != _UNCOMPRESSED:
        raise MachOError(
            f"chained fixups: expected version 0, imports of format 1 to 3 and plain names, found "
            f"{header.version}, {header.imports_format} and {header.symbols_format}"
        )
    if header.imports > MOST:
        raise MachOError(f"chained fixups: expected at most {MOST} imports, found {header.imports}")
    table = fields.span(
        fixups, header.imports_offset, header.imports * form.record.size, what="chained imports"
    )
    pool = fields.span(
        fixups,
        header.symbols_offset,
        max(0, len(fixups) - header.symbols_offset),
        what="names of chained imports",
    )
    return _unpacked(table, form, _Names(pool))


def _unpacked(table: memoryview, form: _Format, names: _Names) -> Iterator[Import]:
    for (packed,) in form.record.iter_unpack(table):
        ordinal = packed & ((1 << form.ordinal_bits) - 1)
        yield Import(
            name=names.at(packed >> form.name_shift),
            ordinal=_signed(ordinal, bits=form.ordinal_bits),
            weak=bool(packed >> form.ordinal_bits & 1),
        )


def _signed(ordinal: int, *, bits: int) -> int:
    """The highest 15 numbers stand for negative ones, those of an Ordinal."""
    return ordinal - (1 << bits) if ordinal > (1 << bits) - 16 else ordinal


class _Names:
    """A pool of names, each read once.

    Names may be shared but not overlap, so all of them together are no longer than the pool.
    """

    def __init__(self, pool: memoryview) -> None:
        self._pool = pool
        self._read: dict[int, str] = {}

    def at(self, offset: int) -> str:
        if offset not in self._read:
            if offset and bytes(self._pool[offset - 1 : offset]) != b"\0":
                raise MachOError(f"chained imports: no name begins at byte {offset} of their pool")
            self._read[offset] = fields.text(self._pool, offset, what="chained imports")
        return self._read[offset]
