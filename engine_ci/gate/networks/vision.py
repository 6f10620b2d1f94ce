"""Pure. What a language model is shown of a picture, as Gemma 3's projector makes it.

A transformer over square patches, each of which sees all others; then the mean of every few
neighbours, and a matrix that turns it into the width of the language model. The names of tensors
and facts are those that llama.cpp gives them, in a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.gate.networks.activations import gelu
from engine_ci.gate.networks.attention import among_all
from engine_ci.gate.networks.model import Block
from engine_ci.gate.networks.norms import layer_norm, rms_norm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine_ci.gate.networks.model import Model, Values

ARCHITECTURE: Final = "clip"
PROJECTOR: Final = "gemma3"
_ENDS: Final = (
    "v.patch_embd.weight v.patch_embd.bias v.position_embd.weight v.post_ln.weight v.post_ln.bias "
    "mm.soft_emb_norm.weight mm.input_projection.weight"
)
_EPSILON: Final = "vision.attention.layer_norm_epsilon"
_LAYER: Final = "ln1 attn_q attn_k attn_v attn_out ln2 ffn_up ffn_down"


def names(model: Model) -> set[str]:
    """The full names of all tensors that are read."""
    layers = range(model.fact("vision.block_count"))
    parts = [f"{part}.{kind}" for part in _LAYER.split() for kind in ("weight", "bias")]
    return set(_ENDS.split()) | {f"v.blk.{number}.{part}" for number in layers for part in parts}


def see(model: Model, pixels: NDArray[np.uint8]) -> Values:
    """What the language model gets in the place of tokens, (tokens, its width).

    Args:
        model: a projector.
        pixels: (height, width, 3), red, green and blue, in the size that the projector wants.
    """
    hidden = _patches(model, pixels) + model.weights["v.position_embd.weight"]
    for number in range(model.fact("vision.block_count")):
        layer = _Layer(model=model, number=number)
        hidden = hidden + _attend(layer, layer.norm("ln1", hidden))
        up = layer.project("ffn_up", layer.norm("ln2", hidden))
        hidden = hidden + layer.project("ffn_down", gelu(up, np.ones_like(up)))
    hidden = _pooled(model, _norm(model, "v.post_ln", hidden))
    weight = model.weights["mm.soft_emb_norm.weight"]
    normed = rms_norm(hidden, weight, epsilon=model.fact(_EPSILON))
    projected: Values = normed @ model.weights["mm.input_projection.weight"]
    return projected


@dataclass(frozen=True, kw_only=True)
class _Layer(Block):
    def norm(self, name: str, hidden: Values) -> Values:
        return _norm(self.model, self._full(name), hidden)

    def _full(self, name: str) -> str:
        return f"v.blk.{self.number}.{name}"


def _norm(model: Model, name: str, hidden: Values) -> Values:
    weight, bias = (model.weights[f"{name}.{part}"] for part in ("weight", "bias"))
    return layer_norm(hidden, weight, bias, epsilon=model.fact(_EPSILON))


def _patches(model: Model, pixels: NDArray[np.uint8]) -> Values:
    """Each square of pixels as a row, row by row of the picture: (patches, width)."""
    mean, deviation = (
        np.array(model.fact(f"vision.image_{part}"), dtype=np.float32) for part in ("mean", "std")
    )
    values: Values = (pixels.astype(np.float32) / np.float32(255) - mean) / deviation
    kernels = model.weights["v.patch_embd.weight"]
    *_, side, _ = kernels.shape
    rows = len(pixels) // side
    squares = values.reshape(rows, side, -1, side, 3).transpose(0, 2, 4, 1, 3)
    flat = squares.reshape(-1, kernels[0].size) @ kernels.reshape(len(kernels), -1).T
    return flat + model.weights["v.patch_embd.bias"]


def _attend(layer: Block, hidden: Values) -> Values:
    shape = (len(hidden), layer.model.fact("vision.attention.head_count"), -1)
    queries, keys, values = (
        layer.project(f"attn_{part}", hidden).reshape(shape).transpose(1, 0, 2) for part in "qkv"
    )
    return layer.project("attn_out", among_all(queries, keys, values))


def _pooled(model: Model, hidden: Values) -> Values:
    """The mean of each square of neighbours, row by row."""
    size = model.fact("vision.image_size") // model.fact("vision.patch_size")
    by = model.fact("vision.projector.scale_factor")
    grid = hidden.reshape(size // by, by, size // by, by, -1)
    pooled: Values = grid.mean(axis=(1, 3)).reshape(-1, hidden.shape[-1])
    return pooled
