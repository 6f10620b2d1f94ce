"""Pure. The gated feed-forward, one or a choice of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate.networks.activations import softmax

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Layer, Values
    from engine_ci.gate.networks.traits import Traits


def feed_forward(layer: Layer, traits: Traits, hidden: Values) -> Values:
    """What each token makes of itself."""
    if layer.tensor("ffn_gate_inp.weight") is not None:
        return _experts(layer, traits, hidden)
    if layer.tensor("ffn_gate.weight") is None:
        gate, up = np.split(layer.project("ffn_up", hidden), 2, axis=-1)
    else:
        gate, up = layer.project("ffn_gate", hidden), layer.project("ffn_up", hidden)
    return layer.project("ffn_down", traits.active(gate, up))


def _experts(layer: Layer, traits: Traits, hidden: Values) -> Values:
    """The sum of the best experts' answers, each by its share; all are asked, for brevity."""
    scores = layer.project("ffn_gate_inp", hidden)
    used = layer.model.fact("expert_used_count")
    least = np.sort(scores, axis=-1)[:, -used, None]
    shares = softmax(np.where(scores >= least, scores, -np.inf))
    gate, up = layer.project("ffn_gate_exps", hidden), layer.project("ffn_up_exps", hidden)
    answers = layer.project("ffn_down_exps", traits.active(gate, up))
    total: Values = (answers * shares.T[..., None]).sum(axis=0)
    return total
