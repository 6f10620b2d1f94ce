"""Where things lie in a PE image, as Windows maps it: headers, sections and data directories.

Only the bytes that are asked for are read, so that an image of any size takes little memory. Where
two readers could see two images in one file it is refused.
"""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC: Final = b"MZ"
_SIGNATURE: Final = b"PE\0\0"
_DOS: Final = struct.Struct("<2s58xI")
_COFF: Final = struct.Struct("<4sHH12xH2x")
_OPTIONAL: Final = struct.Struct("<H46xHH")  # all that is read before addresses differ in width
_COUNT: Final = struct.Struct("<I")
_COUNT_AT: Final = {0x10B: 92, 0x20B: 108}  # of the directories, in images of 32 and 64 bit
_DIRECTORY: Final = struct.Struct("<II")
_SECTION: Final = struct.Struct("<8x4I16x")
_MOST_DIRECTORIES: Final = 16
_MOST_SECTIONS: Final = 96
_SECTOR: Final = 512
_LONGEST: Final = 1 << 13  # of a text, in bytes; Visual C++ makes names of 4,096


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of the file, and where it goes in memory; `size` in bytes of the file."""

    address: int
    memory: int
    offset: int
    size: int


class Layout:
    """An open image; addresses count from where it begins in memory.

    Attributes:
        start: where in the file its own headers begin, behind those of DOS.
        machine: the number of its architecture.
        windows: the oldest version of Windows that it is for, major and minor.
        sections: in the order of their addresses.
    """

    def __init__(self, descriptor: int, *, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        magic, self.start = self._header(_DOS, 0)
        signature, self.machine, count, size = self._header(_COFF, self.start)
        if magic != _MAGIC or signature != _SIGNATURE:
            raise self._no_image()
        begin = self.start + _COFF.size
        kind, major, minor = self._header(_OPTIONAL, begin)
        self.windows: tuple[int, int] = (major, minor)
        self._directories = tuple(self._tables(self._read(begin, size), kind=kind))
        self.sections = tuple(self._parts(begin + size, count=count))
        self._refuse_two_readings()

    def damaged(self, why: str) -> VerificationError:
        """The error for an image that cannot be read."""
        return VerificationError(f"{self._name}: {why}")

    def directory(self, number: int) -> tuple[int, int]:
        """Address and size of a table; zeros where there is none."""
        known = self._directories[number : number + 1]
        return known[0] if known else (0, 0)

    def at(self, address: int, size: int) -> bytes:
        """What is loaded from the file at an address; less where the file has less."""
        place = self.place(address, size)
        return self._read(place.start, len(place))

    def place(self, address: int, size: int) -> range:
        """Where in the file that is; less where the file has less."""
        for section in self.sections:
            into = address - section.address
            loaded = min(section.memory, section.size)
            if 0 <= into < loaded:
                begin = section.offset + into
                return range(begin, begin + min(size, loaded - into))
        return range(0)

    def exactly(self, address: int, kind: struct.Struct) -> tuple[int, ...]:
        """The numbers at an address."""
        raw = self.at(address, kind.size)
        if len(raw) < kind.size:
            raise self.damaged(f"a table of it leads out of the file, to {address:#x}")
        return kind.unpack(raw)

    def name(self, address: int) -> bytes:
        """The bytes up to the next zero."""
        raw, end, _ = self.at(address, _LONGEST).partition(b"\0")
        if not end:
            raise self._unreadable(raw)
        return raw

    def text(self, address: int) -> str:
        """A name that may be shown and looked up."""
        raw = self.name(address)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = ""
        if not text or not text.isprintable():
            raise self._unreadable(raw)
        return text

    def _header(self, kind: struct.Struct, offset: int) -> tuple[Any, ...]:
        raw = self._read(offset, kind.size)
        if len(raw) < kind.size:
            raise self._no_image()
        return kind.unpack(raw)

    def _tables(self, optional: bytes, *, kind: int) -> Iterator[tuple[int, int]]:
        """Those of the optional header, which must have room for all that it counts."""
        if kind not in _COUNT_AT or len(optional) < _COUNT_AT[kind] + _COUNT.size:
            raise self._no_image()
        (count,) = _COUNT.unpack_from(optional, _COUNT_AT[kind])
        begin = _COUNT_AT[kind] + _COUNT.size
        end = begin + min(count, _MOST_DIRECTORIES) * _DIRECTORY.size
        if len(optional) < end:
            raise self.damaged("its tables are named where its sections are")
        yield from _DIRECTORY.iter_unpack(optional[begin:end])

    def _parts(self, offset: int, *, count: int) -> Iterator[Section]:
        table = self._read(offset, count * _SECTION.size)
        if not 0 < count <= _MOST_SECTIONS or len(table) < count * _SECTION.size:
            raise self.damaged(f"expected 1 to {_MOST_SECTIONS} sections, found {count} or less")
        for memory, address, size, place in _SECTION.iter_unpack(table):
            yield Section(
                address=address,
                memory=memory or size,
                offset=place,
                size=size if place else 0,
            )

    def _refuse_two_readings(self) -> None:
        """Two sections in one place, or one whose bytes Windows takes from another place."""
        for before, after in pairwise(self.sections):
            if after.address < before.address + before.memory:
                raise self.damaged(f"two of its sections lie at {after.address:#x}")
        for section in self.sections:
            if section.size and section.offset % _SECTOR:
                raise self.damaged(f"a section of it begins at byte {section.offset:#x}")

    def _read(self, offset: int, size: int) -> bytes:
        """So many bytes of the file; less where it ends."""
        return os.pread(self._descriptor, size, offset)

    def _unreadable(self, raw: bytes) -> VerificationError:
        return self.damaged(f"the name {raw[:64]!a} is not readable")

    def _no_image(self) -> VerificationError:
        return self.damaged("expected a PE image, found something unreadable")


@contextmanager
def opened(path: Path) -> Iterator[Layout]:
    """Opens an image.

    Raises:
        VerificationError: it is no PE image, or a damaged one.
    """
    with path.open("rb") as stream:
        yield Layout(stream.fileno(), name=path.name)
