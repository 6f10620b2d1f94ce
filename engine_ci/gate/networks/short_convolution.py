"""Pure. Each channel over its last few tokens: alone (LFM2), and before a state.

Shapes are (tokens, channels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Cache, Layer, Values


def short_convolution(layer: Layer, hidden: Values, cache: Cache) -> Values:
    """What the new tokens take from the few before them, gated before and after."""
    before, after, inputs = np.split(layer.project("shortconv.in_proj", hidden), 3, axis=-1)
    mixed = convolve(layer, "shortconv.conv", before * inputs, cache)
    return layer.project("shortconv.out_proj", after * mixed)


def convolve(layer: Layer, name: str, inputs: Values, cache: Cache) -> Values:
    """The sum of each channel's last inputs by its kernel, and its bias where it has one."""
    kernel = layer.tensor(f"{name}.weight")
    reach = kernel.shape[1]
    before = cache.tails.get(layer.number, np.zeros((reach - 1, inputs.shape[1]), np.float32))
    every = np.concatenate([before, inputs])
    cache.tails[layer.number] = every[-(reach - 1) :]
    total = np.zeros_like(inputs)
    for tap in range(reach):
        total += every[tap : tap + len(inputs)] * kernel[:, tap]
    bias = f"{name}.bias"
    return total + layer.tensor(bias) if layer.has(bias) else total
