"""What of an image names a build and does nothing: with that set aside, equal code is equal.

Build IDs, signatures, and upstream's own number and commit differ between two builds of the same
code. Where they stand is read from the image's structure; whatever has no such place counts as
code, since to call different code the same would be worse than to test the same code twice.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.searching import places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

_PIECE: Final = 1 << 20
# A build stores a handful; in a file that is made to take time the others count as code.
_MOST_COMMITS: Final = 1 << 10
# Of a checkout that was changed, ggml's own stamp says so.
_ENDS: Final = (b"\0", b"-dirty\0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Volatile:
    """Where the bytes are that name a build, as offsets in the file.

    Attributes:
        ranges: of such bytes.
        texts: where C strings lie; one that is the commit, and nothing else, is such bytes too.
    """

    ranges: tuple[range, ...] = ()
    texts: tuple[range, ...] = ()


def code_sha256(path: Path, volatile: Volatile, *, commit: str | None) -> str:
    """The sha256 of an image with its volatile bytes zeroed, or left out at its end.

    Args:
        path: the image.
        volatile: what its structure tells.
        commit: that the engine says it was built from, with as many digits; None if nobody knows.
    """
    with path.open("rb") as stream:
        commits = _commits(stream, volatile.texts, commit) if commit else ()
        aside = chain(volatile.ranges, islice(commits, _MOST_COMMITS))
        masks = sorted(aside, key=attrgetter("start"))
        end = os.fstat(stream.fileno()).st_size
        while masks and masks[-1].stop == end:
            end = masks.pop().start  # a signature's length is no code either
        digest = hashlib.sha256()
        for piece in _masked(stream, masks, end=end):
            digest.update(piece)
    return digest.hexdigest()


def _commits(stream: BufferedReader, texts: tuple[range, ...], commit: str) -> Iterator[range]:
    """Where the commit is a whole C string."""
    text = commit.encode()
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for where in _joined(texts):
            for at in places(data, text, within=where):
                end = at + len(text)
                begins = at == where.start or data[at - 1] == 0
                if begins and data[end : min(end + len(_ENDS[-1]), where.stop)].startswith(_ENDS):
                    yield range(at, end)


def _joined(claimed: tuple[range, ...]) -> list[range]:
    """Those that overlap as one: a file may claim the same bytes many times over."""
    found: list[range] = []
    for place in sorted(claimed, key=attrgetter("start")):
        if found and place.start < found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, place.stop))
        else:
            found.append(place)
    return found


def _masked(stream: BufferedReader, masks: list[range], *, end: int) -> Iterator[memoryview]:
    """The bytes before `end`, zeroes where a mask is. A piece holds until the next is asked for."""
    buffer = memoryview(bytearray(min(_PIECE, end)))
    for begin in range(0, end, _PIECE):
        piece = buffer[: stream.readinto(buffer[: end - begin])]
        for mask in masks:
            first, last = max(mask.start - begin, 0), min(mask.stop - begin, len(piece))
            if first < last:
                piece[first:last] = bytes(last - first)
        yield piece
