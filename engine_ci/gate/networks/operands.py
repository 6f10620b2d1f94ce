"""Pure. What engines multiply a matrix by: activations, rounded as the type of the matrix wants.

ggml rounds the vectors too, so that a product of quantised numbers is one of small integers. A
block is rounded by its largest value; the rest of the mathematics is that of dequantised weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from gguf import GGMLQuantizationType as Kind

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Values


def _whole(hidden: Values) -> Values:
    return hidden


def _half(hidden: Values) -> Values:
    return hidden.astype(np.float16).astype(np.float32)


def _q8_0(hidden: Values) -> Values:
    """Blocks of 32, each with a scale in F16."""
    blocks = hidden.reshape(*hidden.shape[:-1], -1, 32)
    largest = np.abs(blocks).max(axis=-1, keepdims=True)
    rounded = np.rint(blocks * _over(np.float32(127), largest))
    values: Values = rounded * _half(largest / np.float32(127))
    return values.reshape(hidden.shape)


def _q8_k(hidden: Values) -> Values:
    """Blocks of 256, each with a scale in F32; the largest becomes -127, whatever its sign."""
    blocks = hidden.reshape(*hidden.shape[:-1], -1, 256)
    place = np.abs(blocks).argmax(axis=-1, keepdims=True)
    inverse = _over(np.float32(-127), np.take_along_axis(blocks, place, axis=-1))
    rounded = np.minimum(np.rint(blocks * inverse), np.float32(127))
    values: Values = rounded * _over(np.float32(1), inverse)
    return values.reshape(hidden.shape)


def _over(numerator: np.float32, values: Values) -> Values:
    """The quotient; 0 where a value is 0, as of a block that is all zeros."""
    quotient: Values = np.divide(numerator, values, out=np.zeros_like(values), where=values != 0)
    return quotient


ROUNDING: Final = {
    Kind.F32: _whole,
    Kind.F16: _half,
    Kind.Q8_0: _q8_0,
    Kind.Q4_0: _q8_0,
    Kind.MXFP4: _q8_0,
    Kind.Q4_K: _q8_k,
    Kind.Q6_K: _q8_k,
    Kind.IQ4_XS: _q8_k,
}
