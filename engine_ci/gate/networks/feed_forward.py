"""Pure. The gated feed-forward, one, or a choice of several and one for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate.networks.activations import sigmoid, softmax

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Layer, Values


def feed_forward(layer: Layer, hidden: Values) -> Values:
    """What each token makes of itself."""
    if not layer.has("ffn_gate_inp.weight"):
        return _gated(layer, hidden)
    total = _chosen(layer, hidden)
    if layer.has("ffn_gate_inp_shexp.weight"):
        total = total + _shared(layer, hidden)
    return total


def _gated(layer: Layer, hidden: Values, *, of: str = "") -> Values:
    """One feed-forward, (tokens, width), or all experts' at once, (experts, tokens, width)."""
    if layer.has(f"ffn_gate{of}.weight"):
        gate, up = (layer.project(f"ffn_{half}{of}", hidden) for half in ("gate", "up"))
    else:
        gate, up = np.split(layer.project(f"ffn_up{of}", hidden), 2, axis=-1)
    return layer.project(f"ffn_down{of}", layer.traits.active(gate, up))


def _chosen(layer: Layer, hidden: Values) -> Values:
    """The sum of the best experts' answers, each by its share; all are asked, for brevity."""
    scores = layer.project("ffn_gate_inp", hidden)
    used = layer.fact("expert_used_count")
    least = np.sort(scores, axis=-1)[:, -used, None]
    shares = softmax(np.where(scores >= least, scores, -np.inf))
    total: Values = (_gated(layer, hidden, of="_exps") * shares.T[..., None]).sum(axis=0)
    return total


def _shared(layer: Layer, hidden: Values) -> Values:
    """The answer of the expert that every token asks, as far as its gate is open."""
    opened = sigmoid(hidden @ layer.tensor("ffn_gate_inp_shexp.weight"))
    return _gated(layer, hidden, of="_shexp") * opened[:, None]
