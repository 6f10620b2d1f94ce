"""Reading of bytes within their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import fields
from engine_ci.artifact.macho.commands import HEAD, CommandHead
from engine_ci.errors import MachOError


def test_a_record_comes_back_as_it_was_packed() -> None:
    head = CommandHead(cmd=1, size=2)

    assert HEAD.read(memoryview(b"...." + HEAD.pack(head)), 4, what="x") == head


@pytest.mark.parametrize("offset", [-1, 1, 1 << 40])
def test_a_record_that_passes_the_end_is_refused(offset: int) -> None:
    with pytest.raises(MachOError, match="x: expected 8 bytes"):
        HEAD.read(memoryview(bytes(8)), offset, what="x")


@given(st.binary(max_size=40), st.integers(-50, 50), st.integers(-50, 50))
def test_a_span_is_what_a_slice_of_the_bytes_is_or_refused(
    raw: bytes, offset: int, size: int
) -> None:
    if min(offset, size) >= 0 and offset + size <= len(raw):
        assert (
            bytes(fields.span(memoryview(raw), offset, size, what="x"))
            == (raw[offset : offset + size])
        )
    else:
        with pytest.raises(MachOError, match="x: expected"):
            fields.span(memoryview(raw), offset, size, what="x")


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 4096, 60_000])
def test_a_name_of_any_usual_length_is_read(length: int) -> None:
    name = "a" * length

    assert fields.text(memoryview(f"..{name}\0rest".encode()), 2, what="x") == name


@pytest.mark.parametrize("raw", [b"", b"abc", b"a" * 300, b"a" * 70_000 + b"\0"])
def test_a_name_without_end_is_refused(raw: bytes) -> None:
    with pytest.raises(MachOError, match="a name that ends"):
        fields.text(memoryview(raw), 0, what="x")


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"lib\x1b[2J", b"two\nlines"])
def test_a_name_that_could_not_be_shown_is_refused(raw: bytes) -> None:
    with pytest.raises(MachOError, match="not readable"):
        fields.readable(raw, what="x")
