"""Pure. Layers that mix tokens and then feed each forward, from token IDs to logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.gate.networks.activations import softcap
from engine_ci.gate.networks.attention import attend, forget
from engine_ci.gate.networks.delta_net import delta_net
from engine_ci.gate.networks.feed_forward import feed_forward
from engine_ci.gate.networks.model import Layer
from engine_ci.gate.networks.short_convolution import short_convolution
from engine_ci.gate.networks.state_space import state_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.gate.networks.model import Cache, Model, Values
    from engine_ci.gate.networks.traits import Traits

# What a layer is told by what it has; one with two of them adds their answers.
_MIXERS: Final = {
    "attn_output.weight": attend,
    "ssm_in.weight": state_space,
    "ssm_ba.weight": delta_net,
    "shortconv.in_proj.weight": short_convolution,
}


def forward(model: Model, traits: Traits, tokens: Sequence[int], cache: Cache) -> Values:
    """The logits of new tokens, (tokens, vocabulary)."""
    embedding = model.weights["token_embd.weight"]
    scale = embedding.shape[1] ** 0.5 if traits.scales_embedding else 1
    hidden = embedding[np.asarray(tokens)] * np.float32(model.fact("embedding_scale", scale))
    return decode(model, traits, hidden, cache)


def decode(
    model: Model, traits: Traits, hidden: Values, cache: Cache, *, looks_ahead: bool = False
) -> Values:
    """The logits of what is no token of the vocabulary, such as a piece of a picture.

    Args:
        model: with its weights.
        traits: of its architecture.
        hidden: in place of embedded tokens, (new tokens, width).
        cache: what came before.
        looks_ahead: each of the new sees all of them, those behind it too.
    """
    for number in range(model.fact("block_count")):
        layer = Layer(model=model, traits=traits, number=number, looks_ahead=looks_ahead)
        hidden = _pass(layer, hidden, cache)
    cache.length += len(hidden)
    hidden = model.norm(traits.final_norm, hidden)
    table = "output" if "output.weight" in model.weights else "token_embd"
    logits = model.product(f"{table}.weight", hidden) / np.float32(model.fact("logit_scale", 1))
    return softcap(logits, model.fact("final_logit_softcapping"))


def shift(model: Model, traits: Traits, cache: Cache, *, keep: int, discard: int) -> None:
    """Forgets `discard` tokens behind the first `keep`; those behind them take their places.

    What these computed when they saw the forgotten ones stays. For models of attention alone.
    """
    for number in cache.keys:
        layer = Layer(model=model, traits=traits, number=number)
        forget(layer, cache, keep=keep, discard=discard)
    cache.length -= discard


def _pass(layer: Layer, hidden: Values, cache: Cache) -> Values:
    traits = layer.traits
    change = _mixed(layer, layer.norm("attn_norm.weight", hidden), cache)
    hidden = _added(layer, hidden, change, norm="post_attention_norm.weight")
    if traits.feed_forward_norm is None:
        return hidden
    change = feed_forward(layer, layer.norm(traits.feed_forward_norm, hidden))
    return _added(layer, hidden, change, norm="post_ffw_norm.weight")


def _mixed(layer: Layer, hidden: Values, cache: Cache) -> Values:
    total = np.zeros_like(hidden)
    for name, mix in _MIXERS.items():
        if layer.has(name):
            total = total + mix(layer, hidden, cache)
    return total


def _added(layer: Layer, hidden: Values, change: Values, *, norm: str) -> Values:
    if layer.traits.post_norms:
        change = layer.norm(norm, change)
    return hidden + np.float32(layer.fact("residual_scale", 1)) * change
