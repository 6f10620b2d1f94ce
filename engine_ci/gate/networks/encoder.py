"""Pure. Encoders, whose every token sees all others: from token IDs to one vector for a text.

Norms have a mean and a bias here and come after what they norm; `ENCODERS` says what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.gate.networks import rope
from engine_ci.gate.networks.activations import gelu, silu
from engine_ci.gate.networks.attention import among_all
from engine_ci.gate.networks.model import Block
from engine_ci.gate.networks.norms import layer_norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.gate.networks.model import Model, Values

_ENDS: Final = (
    "token_embd.weight token_types.weight position_embd.weight "
    "token_embd_norm.weight token_embd_norm.bias"
)
_NORMS: Final = (
    "attn_output_norm.weight attn_output_norm.bias layer_output_norm.weight layer_output_norm.bias"
)


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One architecture.

    Attributes:
        tensors: the full names of a layer's tensors besides its norms, within the layer.
        rotates: RoPE of halves tells positions; otherwise a table does.
    """

    tensors: str
    rotates: bool

    def names(self, layers: int) -> set[str]:
        """The full names of all tensors that are read."""
        parts = f"{self.tensors} {_NORMS}".split()
        return set(_ENDS.split()) | {f"blk.{n}.{part}" for n in range(layers) for part in parts}


ENCODERS: Final = {
    "bert": Encoder(
        tensors="attn_q.weight attn_q.bias attn_k.weight attn_k.bias attn_v.weight attn_v.bias "
        "attn_output.weight attn_output.bias "
        "ffn_up.weight ffn_up.bias ffn_down.weight ffn_down.bias",
        rotates=False,
    ),
    "nomic-bert": Encoder(
        tensors="attn_qkv.weight attn_output.weight ffn_gate.weight ffn_up.weight ffn_down.weight",
        rotates=True,
    ),
}


def embed(model: Model, encoder: Encoder, tokens: Sequence[int]) -> Values:
    """The mean of what all tokens become, at length 1: (width,)."""
    mean: Values = encode(model, encoder, tokens).mean(axis=0)
    return mean / np.linalg.norm(mean)


def encode(model: Model, encoder: Encoder, tokens: Sequence[int]) -> Values:
    """What each token becomes, (tokens, width)."""
    hidden = model.weights["token_embd.weight"][np.asarray(tokens)]
    hidden = hidden + model.weights["token_types.weight"][0]
    if not encoder.rotates:
        hidden = hidden + model.weights["position_embd.weight"][: len(tokens)]
    hidden = _norm(model, "token_embd_norm", hidden)
    for number in range(model.fact("block_count")):
        layer = Block(model=model, number=number)
        hidden = _norm(
            model, f"blk.{number}.attn_output_norm", hidden + _attend(layer, encoder, hidden)
        )
        hidden = _norm(
            model, f"blk.{number}.layer_output_norm", hidden + _feed_forward(layer, hidden)
        )
    return hidden


def _norm(model: Model, name: str, hidden: Values) -> Values:
    weight, bias = (model.weights[f"{name}.{part}"] for part in ("weight", "bias"))
    epsilon = model.fact("attention.layer_norm_epsilon")
    return layer_norm(hidden, weight, bias, epsilon=epsilon)


def _attend(layer: Block, encoder: Encoder, hidden: Values) -> Values:
    """What each token takes from all."""
    queries, keys, values = _heads(layer, hidden)
    if encoder.rotates:
        steps = rope.steps(size=queries.shape[-1], base=layer.model.fact("rope.freq_base"))
        turns = rope.turns(np.arange(len(hidden)), steps)
        queries, keys = (rope.rotate(part, turns, halves=True) for part in (queries, keys))
    return layer.project("attn_output", among_all(queries, keys, values))


def _heads(layer: Block, hidden: Values) -> list[Values]:
    """Queries, keys and values, each (heads, tokens, head size), from three matrices or one."""
    if not layer.has("attn_qkv.weight"):
        joined = [layer.project(f"attn_{part}", hidden) for part in "qkv"]
    else:
        joined = np.split(layer.project("attn_qkv", hidden), 3, axis=-1)
    shape = (len(hidden), layer.model.fact("attention.head_count"), -1)
    return [part.reshape(shape).transpose(1, 0, 2) for part in joined]


def _feed_forward(layer: Block, hidden: Values) -> Values:
    up = layer.project("ffn_up", hidden)
    if not layer.has("ffn_gate.weight"):
        active = gelu(up, np.ones_like(up))
    else:
        active = silu(layer.project("ffn_gate", hidden), up)
    return layer.project("ffn_down", active)
