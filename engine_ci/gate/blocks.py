"""Pure. Weights in the quantised types of GGUF, random and of a given size.

Where `gguf` can quantise, values are; of the other types a block is drawn, not computed: whatever
its bits, it is a legal weight, and only its scales have to be sensible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as Kind
from gguf.quants import quantize

from engine_ci.gate import splitmix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Values = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A tensor as it lies in the file.

    Attributes:
        blocks: bytes, (..., rows, bytes of a row).
    """

    kind: Kind
    blocks: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """One type's blocks.

    Attributes:
        scales: the place of each F16 scale, and what it is beside the first.
        deviation: of the values when all other bits are random and the first scale is 1.
    """

    scales: Mapping[int, float]
    deviation: float


_LAYOUTS: Final = {
    Kind.Q4_K: _Layout(scales={0: 1.0, 2: 7.5}, deviation=258.3),
    Kind.Q6_K: _Layout(scales={208: 1.0}, deviation=1365.7),
    Kind.IQ4_XS: _Layout(scales={0: 1.0}, deviation=1246.3),
}

_DEVIATION_OF_SPREAD: Final = (13 / 12) ** 0.5  # of what is uniform between 0.5 and 1.5, around 0


def draw(stream: str, size: tuple[int, ...], *, kind: Kind, deviation: float) -> Packed:
    """A random tensor of that type; its last dimension must be a multiple of a block's.

    Args:
        stream: of random numbers; the same name gives the same bytes.
        size: in values.
        kind: any type that `gguf` quantises, or Q4_K, Q6_K, IQ4_XS.
        deviation: of the values, around 0.
    """
    if kind is Kind.F16:
        halves = (splitmix.normal(stream, size) * np.float32(deviation)).astype(np.float16)
        return Packed(kind=kind, blocks=halves.view(np.uint8))
    values_per_block, bytes_per_block = GGML_QUANT_SIZES[kind]
    count = int(np.prod(size)) // values_per_block
    # No two blocks have the same scale, so that to take another's is a fault that shows.
    spread = 0.5 + splitmix.words(f"{stream}/spread", count) / 2.0**64
    scales = spread * deviation / _DEVIATION_OF_SPREAD
    if kind in _LAYOUTS:
        blocks = _drawn(stream, kind, scales.astype(np.float32), bytes_per_block)
        return Packed(kind=kind, blocks=blocks.reshape(*size[:-1], -1))
    values = splitmix.normal(stream, (count, values_per_block)) * scales[:, None].astype(np.float32)
    return Packed(kind=kind, blocks=quantize(values.reshape(size), kind).view(np.uint8))


def _drawn(stream: str, kind: Kind, scales: Values, size: int) -> NDArray[np.uint8]:
    """Blocks of random bytes but for their scales."""
    layout = _LAYOUTS[kind]
    words = splitmix.words(stream, -(-len(scales) * size // 8))
    blocks = words.view(np.uint8)[: len(scales) * size].reshape(len(scales), size)
    for place, factor in layout.scales.items():
        scale = (scales * np.float32(factor / layout.deviation)).astype(np.float16)
        blocks[:, place : place + 2] = scale[:, None].view(np.uint8)
    return blocks
