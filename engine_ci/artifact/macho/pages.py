"""Reads an image in pieces of whole pages, so that a file of any size takes little memory."""

from __future__ import annotations

import os
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import layout
from engine_ci.errors import MachOError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

    from engine_ci.artifact.macho.algorithms import Algorithm
    from engine_ci.artifact.macho.layout import Slice

_PIECE = 1 << 20  # a multiple of every size that a page may have


class Source(NamedTuple):
    """A file, and the images in it: these for their few structures, the stream for all bytes."""

    stream: BufferedReader
    data: memoryview
    slices: tuple[Slice, ...]


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Opens a Mach-O file; a MachOError that leaves the block names it.

    Raises:
        MachOError: it is none, or a damaged one.
        OutsideError: it cannot be read.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise OutsideError(f"{path}: not readable: {error.strerror}") from error
    with stream:
        empty = os.fstat(stream.fileno()).st_size == 0
        data = memoryview(b"" if empty else mmap(stream.fileno(), 0, access=ACCESS_READ))
        try:
            yield Source(stream, data, layout.slices(data))
        except MachOError as error:
            raise MachOError(f"{path.name}: {error}", hint=error.hint) from error


def pieces(
    stream: BufferedReader, *, start: int, size: int, head: bytes = b"", end: int
) -> Iterator[memoryview]:
    """`size` bytes of an image. A piece holds until the next is asked for.

    Args:
        stream: a file.
        start: where in it the image begins.
        size: how many bytes are wanted.
        head: stands in the place of the first bytes.
        end: how many of them are read; zeroes follow.

    Raises:
        MachOError: the file ends before that.
    """
    stream.seek(start)
    buffer = memoryview(bytearray(min(_PIECE, size)))
    for begin in range(0, size, _PIECE):
        piece = buffer[: min(_PIECE, size - begin)]
        stored = piece[: max(0, end - begin)]
        if stream.readinto(stored) < len(stored):
            raise MachOError("the file ended while it was read")
        piece[len(stored) :] = bytes(len(piece) - len(stored))
        over = head[begin : begin + len(piece)]
        piece[: len(over)] = over
        yield piece


def digests(piece: memoryview, *, page_size: int, algorithm: Algorithm) -> bytes:
    """The hashes of a piece's pages, one after another; the last page may be a short one."""
    return b"".join(
        algorithm.of(piece[begin : begin + page_size]) for begin in range(0, len(piece), page_size)
    )
