"""Drawn blocks are weights of the size that was asked for, whatever type they are of."""

from __future__ import annotations

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from gguf.quants import dequantize

from engine_ci.gate import blocks

QUANTISED = (Kind.F16, Kind.Q8_0, Kind.Q4_0, Kind.MXFP4, Kind.Q4_K, Kind.Q6_K, Kind.IQ4_XS)
DRAWN = (Kind.Q4_K, Kind.Q6_K, Kind.IQ4_XS)
each = pytest.mark.parametrize("kind", QUANTISED, ids=lambda kind: kind.name)


def drawn(kind: Kind, *, stream: str = "stream", deviation: float = 0.1) -> blocks.Packed:
    return blocks.draw(stream, (2, 64, 512), kind=kind, deviation=deviation)


@each
def test_values_have_the_deviation_that_was_asked_for_and_lie_around_zero(kind: Kind) -> None:
    values = dequantize(drawn(kind).blocks, kind)

    assert values.shape == (2, 64, 512)
    assert values.std() == pytest.approx(0.1, rel=0.05)
    assert abs(values.mean()) < 0.005


@each
def test_the_same_stream_gives_the_same_bytes_and_another_others(kind: Kind) -> None:
    first = drawn(kind)

    assert first.kind is kind
    np.testing.assert_array_equal(drawn(kind).blocks, first.blocks)
    assert (drawn(kind, stream="other").blocks != first.blocks).any()


@each
def test_rows_of_zero_bytes_are_rows_of_zeros(kind: Kind) -> None:
    packed = drawn(kind)
    packed.blocks[1, 7] = 0

    values = dequantize(packed.blocks, kind)

    assert not values[1, 7].any()
    assert values[1, 6].any()


@pytest.mark.parametrize("kind", DRAWN, ids=lambda kind: kind.name)
def test_blocks_differ_in_their_scales(kind: Kind) -> None:
    values = dequantize(drawn(kind).blocks, kind).reshape(-1, 256)

    sizes = np.abs(values).max(axis=1)

    assert sizes.max() > 1.3 * sizes.min()
    assert len(np.unique(sizes)) > 0.9 * len(sizes)
