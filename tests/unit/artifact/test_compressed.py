"""Decompression is bounded by what comes out, and ends where the file ends."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import compressed
from engine_ci.artifact.compressed import Stream
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Decompress = Callable[[BinaryIO], Iterator[bytes]]
    Compress = Callable[[bytes], bytes]

KINDS = [
    pytest.param(gzip.compress, compressed.gunzipped, id="gzip"),
    pytest.param(lzma.compress, compressed.unxzed, id="xz"),
]
CONTENT = bytes(range(256)) * 4000


def stream_of(*pieces: bytes, most: int = 1000) -> Stream:
    return Stream(iter(pieces), most=most, archive="toy.tar.gz")


@pytest.mark.parametrize(("pack", "unpack"), KINDS)
def test_the_content_comes_in_bounded_pieces(pack: Compress, unpack: Decompress) -> None:
    pieces = list(unpack(io.BytesIO(pack(CONTENT))))

    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= 1 << 17


@pytest.mark.parametrize(("pack", "unpack"), KINDS)
def test_a_second_part_behind_the_first_is_refused(pack: Compress, unpack: Decompress) -> None:
    for second in (pack(b"hidden"), b"\0"):
        with pytest.raises(ValueError, match="something follows its end"):
            list(unpack(io.BytesIO(pack(b"seen") + second)))


def test_a_second_part_is_seen_where_reading_ended_between_them() -> None:
    first = gzip.compress(b"seen")

    class OneByOne(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            return super().read(1)

    with pytest.raises(ValueError, match="something follows its end"):
        list(compressed.gunzipped(OneByOne(first + b"\0")))


@pytest.mark.parametrize(("pack", "unpack"), KINDS)
def test_a_missing_end_is_seen(pack: Compress, unpack: Decompress) -> None:
    with pytest.raises(EOFError, match="its end is missing"):
        list(unpack(io.BytesIO(pack(CONTENT)[:-1])))


def test_a_wrong_checksum_is_seen() -> None:
    packed = bytearray(gzip.compress(b"content"))
    packed[-8] ^= 1

    with pytest.raises(zlib.error):
        list(compressed.gunzipped(io.BytesIO(packed)))


def xz_with(*, dictionary: int) -> io.BytesIO:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": dictionary, "mode": lzma.MODE_FAST}]
    return io.BytesIO(lzma.compress(b"x", filters=filters))


def test_an_xz_file_that_would_take_too_much_memory_is_refused() -> None:
    with pytest.raises(lzma.LZMAError, match="limit"):
        list(compressed.unxzed(xz_with(dictionary=64 << 20)))


def test_an_xz_file_with_a_large_dictionary_is_read() -> None:
    assert b"".join(compressed.unxzed(xz_with(dictionary=32 << 20))) == b"x"


@given(st.lists(st.binary(max_size=9)), st.lists(st.integers(0, 9)))
def test_reading_gives_the_bytes_in_order(pieces: list[bytes], sizes: list[int]) -> None:
    whole = io.BytesIO(b"".join(pieces))
    stream = stream_of(*pieces)

    for size in sizes:
        expected = whole.read(size)
        if len(expected) < size:
            with pytest.raises(EOFError):
                stream.read(size)
            break
        assert stream.read(size) == expected


def test_reading_stops_at_the_bound_before_the_rest_is_unpacked() -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield bytes(100)

    stream = Stream(endless(), most=250, archive="toy.tar.gz")

    with pytest.raises(VerificationError, match=r"toy\.tar\.gz: it unpacks to more than 250 bytes"):
        stream.read(10**12)
    assert len(taken) == 3


@pytest.mark.parametrize(
    ("pieces", "only_zeros"),
    [
        ((b"x",), True),
        ((b"x\0", b"", b"\0\0"), True),
        ((b"xy",), False),
        ((b"x", b"\0y"), False),
    ],
)
def test_zeros_to_the_end_are_told_from_anything_else(
    pieces: tuple[bytes, ...], only_zeros: bool
) -> None:
    stream = stream_of(*pieces)
    stream.read(1)

    assert stream.only_zeros_follow() is only_zeros
