"""Bounded reading of bytes made by strangers: what does not fit ends in MachOError alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Generic, TypeVar

from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_TEXT = 1 << 16
_FIRST_LOOK = 256

Record = TypeVar("Record", bound=tuple[object, ...])


class Form(Generic[Record]):
    """A C struct: its codes as `struct` writes them, and the named tuple of its fields."""

    def __init__(self, codes: str, record: Callable[..., Record]) -> None:
        self._struct = struct.Struct(codes)
        self._record = record
        self.size = self._struct.size

    def read(self, data: memoryview, offset: int, *, what: str) -> Record:
        """The record at `offset`; MachOError says `what` when it would pass the end."""
        if not 0 <= offset <= len(data) - self.size:
            raise _past_end(what, offset=offset, size=self.size, room=len(data))
        return self._record(*self._struct.unpack_from(data, offset))

    def pack(self, record: Record) -> bytes:
        """The bytes of a record."""
        return self._struct.pack(*record)


def span(data: memoryview, offset: int, size: int, *, what: str) -> memoryview:
    """The bytes from `offset` on, `size` of them: a view, no copy."""
    if offset < 0 or size < 0 or offset + size > len(data):
        raise _past_end(what, offset=offset, size=size, room=len(data))
    return data[offset : offset + size]


def text(data: memoryview, offset: int, *, what: str) -> str:
    """The C string at `offset`; it must end within `data`, and be one that may be shown."""
    size = _FIRST_LOOK
    while True:
        raw, end, _ = bytes(data[offset : offset + size]).partition(b"\0")
        if end:
            return readable(raw, what=what)
        if offset + size >= len(data) or size >= _LONGEST_TEXT:
            raise MachOError(f"{what}: expected a name that ends, found none at byte {offset}")
        size *= 16


def readable(raw: bytes, *, what: str) -> str:
    """A name that may be shown and looked up."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = None
    if name is None or not name.isprintable():
        raise MachOError(f"{what}: the name {raw[:64]!r} is not readable")
    return name


def _past_end(what: str, *, offset: int, size: int, room: int) -> MachOError:
    return MachOError(
        f"{what}: expected {size} bytes at byte {offset}, found the end at byte {room}"
    )
