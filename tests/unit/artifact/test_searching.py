from __future__ import annotations

import mmap
import re
from tempfile import TemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import searching


def found(content: bytes, text: bytes, within: range | None) -> list[int]:
    """In pieces of one page, the least that can be let go of."""
    with TemporaryFile() as stream, pytest.MonkeyPatch.context() as patch:
        stream.write(content)
        stream.flush()
        patch.setattr(searching, "_PIECE", mmap.PAGESIZE)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return list(searching.places(data, text, within=within))


@given(
    places=st.lists(st.integers(0, 3 * mmap.PAGESIZE), max_size=6),
    # What a file claims of itself may lie behind its end.
    bounds=st.none() | st.tuples(*2 * [st.integers(0, 6 * mmap.PAGESIZE)]).map(sorted),
)
def test_a_text_is_found_wherever_it_begins_and_only_whole(
    places: list[int], bounds: list[int] | None
) -> None:
    content = bytearray(3 * mmap.PAGESIZE + 3)
    for place in places:
        content[place : place + 3] = b"aba"
    first, last = bounds or (0, len(content))

    expected = [
        match.start() + first for match in re.finditer(b"(?=aba)", bytes(content[first:last]))
    ]

    assert found(bytes(content), b"aba", range(first, last) if bounds else None) == expected


@pytest.mark.parametrize("off", [-2, -1, 0])
def test_a_text_that_begins_in_one_piece_may_end_in_the_next(off: int) -> None:
    content = bytearray(2 * mmap.PAGESIZE)
    place = mmap.PAGESIZE + off
    content[place : place + 3] = b"aba"

    assert found(bytes(content), b"aba", None) == [place]
