"""Pure. Layers of attention and feed-forward, or of a state space, from token IDs to logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate.networks.activations import softcap
from engine_ci.gate.networks.attention import attend
from engine_ci.gate.networks.feed_forward import feed_forward
from engine_ci.gate.networks.model import Layer
from engine_ci.gate.networks.state_space import state_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.gate.networks.model import Cache, Model, Values
    from engine_ci.gate.networks.traits import Traits


def forward(model: Model, traits: Traits, tokens: Sequence[int], cache: Cache) -> Values:
    """The logits of new tokens, (tokens, vocabulary)."""
    embedding = model.weights["token_embd.weight"]
    hidden = embedding[np.asarray(tokens)]
    if traits.scales_embedding:
        hidden = hidden * np.float32(embedding.shape[1] ** 0.5)
    for number in range(model.fact("block_count")):
        hidden = _pass(Layer(model=model, number=number), traits, hidden, cache)
    cache.length += len(tokens)
    hidden = model.norm("output_norm.weight", hidden)
    table = "output" if "output.weight" in model.weights else "token_embd"
    logits = model.product(f"{table}.weight", hidden)
    return softcap(logits, model.fact("final_logit_softcapping"))


def _pass(layer: Layer, traits: Traits, hidden: Values, cache: Cache) -> Values:
    normed = layer.norm("attn_norm", hidden)
    if layer.tensor("ssm_in.weight") is not None:
        return hidden + state_space(layer, normed, cache)
    change = attend(layer, traits, normed, cache)
    if traits.post_norms:
        change = layer.norm("post_attention_norm", change)
    hidden = hidden + change
    change = feed_forward(layer, traits, layer.norm(traits.feed_forward_norm, hidden))
    if traits.post_norms:
        change = layer.norm("post_ffw_norm", change)
    return hidden + change
