"""Where things lie in an ELF image, as ld.so sees it: program headers and the dynamic table.

Only the bytes that are asked for are read, so that an image of any size takes little memory. What
sections say is not believed. 64 bit, little endian: all processors of a pin are.
"""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOAD: Final = 1
DYNAMIC: Final = 2
NOTE: Final = 4
GNU_STACK: Final = 0x6474E551
EXECUTABLE: Final = 1
READABLE: Final = 4

MAGIC: Final = b"\x7fELF\x02\x01"
# Of a note with a name of four bytes: the sizes of name and content, its kind, and the name.
NOTE_HEAD: Final = struct.Struct("<III4s")
_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM: Final = struct.Struct("<IIQQQQQQ")
_ENTRY: Final = struct.Struct("<QQ")
_STRTAB: Final = 5
# Linkers write fewer than 20. What is read for each one adds up.
_MOST_SEGMENTS: Final = 1 << 7
_MOST_ENTRIES: Final = 1 << 12
_LONGEST: Final = 1 << 12  # of a text, in bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A part of the file, and where it goes in memory; `size` in bytes of the file."""

    kind: int
    flags: int
    offset: int
    address: int
    size: int


class Layout:
    """An open image.

    Attributes:
        machine: the number of its architecture.
        dynamic: tags and values, in order.
    """

    def __init__(self, descriptor: int, *, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        head = os.pread(descriptor, _HEADER.size, 0)
        if not head.startswith(MAGIC) or len(head) < _HEADER.size:
            raise self.damaged("expected an ELF image of 64 bit, found something unreadable")
        _, _, self.machine, _, _, start, _, _, _, size, count, *_ = _HEADER.unpack(head)
        if count > _MOST_SEGMENTS:
            raise self.damaged(f"expected at most {_MOST_SEGMENTS} program headers, found {count}")
        table = self.stored(start, count * _PROGRAM.size)
        if size != _PROGRAM.size or not table or len(table) < count * _PROGRAM.size:
            raise self.damaged("expected an ELF image, found one without program headers")
        self.segments = tuple(
            Segment(kind=kind, flags=flags, offset=offset, address=address, size=size)
            for kind, flags, offset, address, _, size, *_ in _PROGRAM.iter_unpack(table)
        )
        self.dynamic = tuple(self._dynamic())

    def damaged(self, why: str) -> VerificationError:
        """The error for an image that cannot be read."""
        return VerificationError(f"{self._name}: {why}")

    def values(self, tag: int) -> list[int]:
        """All values of a tag of the dynamic table."""
        return [value for found, value in self.dynamic if found == tag]

    def value(self, tag: int) -> int | None:
        """The first of them, if there is any."""
        return next(iter(self.values(tag)), None)

    def stored(self, offset: int, size: int) -> bytes:
        """So many bytes of the file; less where it ends, none where no file can be."""
        return b"" if offset >> 62 else os.pread(self._descriptor, size, offset)

    def loading(self, address: int) -> tuple[Segment, int] | None:
        """The segment that is loaded from the file at an address, and how far into it that is."""
        for segment in self.segments:
            into = address - segment.address
            if segment.kind == LOAD and 0 <= into < segment.size:
                return segment, into
        return None

    def at(self, address: int, size: int) -> bytes:
        """What is loaded from the file at an address; less where the file has less."""
        if (found := self.loading(address)) is None:
            return b""
        segment, into = found
        return self.stored(segment.offset + into, min(size, segment.size - into))

    def exactly(self, address: int, kind: struct.Struct) -> tuple[int, ...]:
        """The numbers at an address."""
        raw = self.at(address, kind.size)
        if len(raw) < kind.size:
            raise self.damaged(f"a table of it leads out of the file, to {address:#x}")
        return kind.unpack(raw)

    def text(self, offset: int) -> str:
        """A name from the string table, which may be shown and looked up."""
        raw, end, _ = self.at((self.value(_STRTAB) or 0) + offset, _LONGEST).partition(b"\0")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = "\0"
        if not end or not text.isprintable():
            raise self.damaged(f"the name {raw[:64]!a} is not readable")
        return text

    def _dynamic(self) -> Iterator[tuple[int, int]]:
        for segment in self.segments:
            if segment.kind != DYNAMIC:
                continue
            size = min(segment.size, _MOST_ENTRIES * _ENTRY.size)
            table = self.stored(segment.offset, size)
            for tag, value in _ENTRY.iter_unpack(table[: len(table) // 16 * 16]):
                if tag == 0:
                    return
                yield tag, value


@contextmanager
def opened(path: Path) -> Iterator[Layout]:
    """Opens an image.

    Raises:
        VerificationError: it is no ELF image that is read here, or a damaged one.
    """
    with path.open("rb") as stream:
        yield Layout(stream.fileno(), name=path.name)
