"""Reads one compressed stream, bounded while it unpacks: nothing that a header says is believed."""

from __future__ import annotations

import lzma
import zlib
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from engine_ci.artifact.archive import PIECE, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

# As much as `xz -8` needs: a dictionary of 32 MiB. That of `xz -9` would be half of all that
# preparing a bundle may take.
_XZ_MEMORY = 36 << 20


class Stream:
    """The unpacked bytes, read once from first to last.

    Reading past the end raises EOFError; past `most` bytes, VerificationError.
    """

    def __init__(self, pieces: Iterator[bytes], *, most: int, archive: str) -> None:
        self._pieces = pieces
        self._most = most
        self._archive = archive
        self._rest = memoryview(b"")
        self._unpacked = 0

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, piece by piece."""
        while size:
            if not self._rest:
                self._rest = memoryview(self._next())
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield piece

    def read(self, size: int) -> bytes:
        """The next `size` bytes."""
        return b"".join(self.pieces(size))

    def only_zeros_follow(self) -> bool:
        """Whether nothing but zeros is left, up to the end of the stream and of its file."""
        if any(self._rest):
            return False
        while (piece := self._next_or_none()) is not None:
            if piece.count(0) < len(piece):
                return False
        return True

    def _next(self) -> bytes:
        piece = self._next_or_none()
        if piece is None:
            msg = "its end is missing"
            raise EOFError(msg)
        return piece

    def _next_or_none(self) -> bytes | None:
        piece = next(self._pieces, None)
        if piece is not None:
            self._unpacked += len(piece)
        if self._unpacked > self._most:
            raise refused(
                self._archive, f"it unpacks to more than {self._most} bytes, the most expected"
            )
        return piece


def gunzipped(source: BinaryIO) -> Iterator[bytes]:
    """The content of a gzip file of one member, which is all that the file holds."""
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
    while not inflate.eof:
        packed = inflate.unconsumed_tail or source.read(PIECE)
        piece = inflate.decompress(packed, PIECE)
        if not packed and not piece:
            msg = "its end is missing"
            raise EOFError(msg)
        yield piece
    _end(inflate.unused_data, source)


def plain(source: BinaryIO) -> Iterator[bytes]:
    """The content of a file that is not compressed."""
    return iter(partial(source.read, PIECE), b"")


def unxzed(source: BinaryIO) -> Iterator[bytes]:
    """The content of an xz file of one stream, which is all that the file holds."""
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    while not decompressor.eof:
        packed = source.read(PIECE) if decompressor.needs_input else b""
        if decompressor.needs_input and not packed:
            msg = "its end is missing"
            raise EOFError(msg)
        yield decompressor.decompress(packed, PIECE)
    _end(decompressor.unused_data, source)


def _end(unused: bytes, source: BinaryIO) -> None:
    if unused or source.read(1):
        msg = "something follows its end"
        raise ValueError(msg)
