from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.macho import pages
from engine_ci.artifact.macho.algorithms import SHA256
from engine_ci.errors import MachOError, OutsideError
from tests.unit.artifact import machos

if TYPE_CHECKING:
    from pathlib import Path


def pieces(
    path: Path, *, start: int = 0, size: int, head: bytes = b"", end: int | None = None
) -> list[bytes]:
    with path.open("rb") as stream:
        found = pages.pieces(
            stream, start=start, size=size, head=head, end=size if end is None else end
        )
        return [bytes(piece) for piece in found]


def test_a_file_comes_in_pieces_of_a_megabyte(tmp_path: Path) -> None:
    content = bytes(range(251)) * 10_000
    (tmp_path / "file").write_bytes(content)

    found = pieces(tmp_path / "file", start=7, size=len(content) - 7)

    assert [len(piece) for piece in found] == [1 << 20, 1 << 20, len(content) - 7 - (2 << 20)]
    assert b"".join(found) == content[7:]


def test_other_first_bytes_and_zeroes_at_the_end_stand_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    size = (1 << 20) + 100
    (tmp_path / "file").write_bytes(b"f" * size * 2)
    head = b"h" * ((1 << 20) + 10)

    found = b"".join(pieces(tmp_path / "file", size=size, head=head, end=size - 5))

    assert found == head + b"f" * 85 + bytes(5)


def test_zeroes_may_fill_whole_pieces(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"f")

    assert b"".join(pieces(tmp_path / "file", size=(1 << 20) + 3, end=1)) == b"f" + bytes(
        (1 << 20) + 2
    )


def test_a_file_that_shrank_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))

    with pytest.raises(MachOError, match="the file ended while it was read"):
        pieces(tmp_path / "file", size=11)


def test_the_last_page_is_hashed_as_short_as_it_is() -> None:
    piece = memoryview(bytes(range(200)) * 41)

    found = pages.digests(piece, page_size=4096, algorithm=SHA256)

    assert found == b"".join(
        hashlib.sha256(piece[begin : begin + 4096]).digest() for begin in (0, 4096, 8192)
    )


def test_an_opened_file_has_its_bytes_and_its_images(tmp_path: Path) -> None:
    path = tmp_path / "libx.dylib"
    path.write_bytes(machos.image())

    with pages.opened(path) as source:
        assert source.data == source.slices[0].data == path.read_bytes()
        assert source.stream.read(4) == b"\xcf\xfa\xed\xfe"
    assert source.stream.closed


@pytest.mark.parametrize("content", [b"", b"no image" * 10])
def test_an_error_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "libx.dylib"
    path.write_bytes(content)

    with pytest.raises(MachOError, match=r"^libx.dylib: "), pages.opened(path):
        pass


def test_an_error_within_the_block_names_the_file_and_keeps_its_hint(tmp_path: Path) -> None:
    path = tmp_path / "libx.dylib"
    path.write_bytes(machos.image())

    with pytest.raises(MachOError, match=r"^libx.dylib: wrong$") as caught, pages.opened(path):
        raise MachOError("wrong", hint="mend it")
    assert caught.value.hint == "mend it"


def test_a_missing_file_is_the_outside_failing(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="none: not readable: No such file"):
        pages.opened(tmp_path / "none").__enter__()
