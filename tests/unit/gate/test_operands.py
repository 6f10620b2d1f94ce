"""Activations are rounded as ggml rounds them, block by block."""

from __future__ import annotations

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from gguf.quants import dequantize, quantize
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import splitmix
from engine_ci.gate.networks.operands import ROUNDING

BLOCK = {Kind.Q8_0: 32, Kind.Q6_K: 256}  # the two kinds of blocks
blocks = pytest.mark.parametrize("kind", BLOCK, ids=lambda kind: kind.name)


def test_f32_is_left_alone_and_f16_is_rounded_to_it() -> None:
    values = splitmix.normal("values", (3, 8))

    assert ROUNDING[Kind.F32](values) is values
    np.testing.assert_array_equal(ROUNDING[Kind.F16](values), values.astype(np.float16))


def test_blocks_of_32_are_those_that_weights_of_q8_0_have() -> None:
    values = splitmix.normal("values", (2, 3, 96))

    found = ROUNDING[Kind.Q4_0](values)

    expected = dequantize(quantize(values, Kind.Q8_0), Kind.Q8_0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@given(st.integers(0, 1 << 30), st.floats(1e-2, 1e4), st.sampled_from(sorted(BLOCK)))
def test_no_value_is_off_by_more_than_half_a_step_of_its_block(
    seed: int, scale: float, kind: Kind
) -> None:
    values = splitmix.normal(f"values/{seed}", (1, 512)) * np.float32(scale)

    found = ROUNDING[kind](values)

    off, largest = (
        np.abs(each).reshape(-1, BLOCK[kind]).max(axis=1) for each in (found - values, values)
    )
    # Half a step, and what a scale in F16 adds at most.
    assert (off <= largest * (0.5 / 127 + 2**-11 + 1e-6)).all()


@blocks
def test_a_block_is_rounded_by_its_own_largest_value(kind: Kind) -> None:
    size = BLOCK[kind]
    values = splitmix.normal("values", (1, 2 * size))
    louder = np.concatenate([values[:, :size] * 1000, values[:, size:]], axis=1)

    found = ROUNDING[kind](louder)

    np.testing.assert_array_equal(found[:, size:], ROUNDING[kind](values)[:, size:])
    assert len(np.unique(found[:, :size])) > 10


@blocks
def test_a_block_of_zeros_stays_one(kind: Kind) -> None:
    zeros = np.zeros((2, 256), dtype=np.float32)

    np.testing.assert_array_equal(ROUNDING[kind](zeros), zeros)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_of_256_is_kept_whatever_its_sign(sign: int) -> None:
    values = splitmix.normal("values", (1, 256))
    values[0, 77] = sign * 5

    found = ROUNDING[Kind.Q4_K](values)

    assert found[0, 77] == pytest.approx(sign * 5, rel=1e-6)
    assert np.abs(found).max() == pytest.approx(5, rel=1e-6)
