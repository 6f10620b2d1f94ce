"""Where bytes stand in a file that is mapped; however large it is, little of it is in memory."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes, of which no more than that many are in memory at a time; whole pages of any system.
_PIECE: Final = 1 << 23


def places(data: mmap.mmap, text: bytes, *, within: range | None = None) -> Iterator[int]:
    """The offsets at which a text begins that lies within a part of the file, or anywhere.

    The part is what the file claims of itself; what lies behind its end holds nothing.
    """
    part = within if within is not None else range(len(data))
    first, last = part.start, min(part.stop, len(data))
    for begin in range(first - first % _PIECE, last, _PIECE):
        # A text may begin in this piece and end in the next.
        end = min(begin + _PIECE + len(text) - 1, last)
        at = data.find(text, max(begin, first), end)
        while at >= 0:
            yield at
            at = data.find(text, at + 1, end)
        # What was searched leaves the memory.
        data.madvise(mmap.MADV_DONTNEED, begin, _PIECE)
