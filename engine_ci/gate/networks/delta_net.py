"""Pure. The gated delta net (Qwen3-Next): a state that forgets what it is about to learn anew.

Every token lets the state of each head decay, asks it for the value of a key, and moves its answer
towards the token's own value. A few heads share each query and key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine_ci.gate.networks.activations import sigmoid, silu, softplus, swish
from engine_ci.gate.networks.short_convolution import convolve

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Cache, Layer, Values


class _Steps(NamedTuple):
    """What each token asks and teaches.

    `queries`, `keys` and `values` are (tokens, heads, size); `kept`, the share of the state that
    does not decay, and `learned`, that of the way to the new value, (tokens, heads).
    """

    queries: Values
    keys: Values
    values: Values
    kept: Values
    learned: Values


def delta_net(layer: Layer, hidden: Values, cache: Cache) -> Values:
    """What the new tokens take from the state that those before them left."""
    steps = _Steps(*_heads(layer, hidden, cache), *_rates(layer, hidden))
    answers = _answers(layer, steps, cache)
    gate = layer.project("attn_gate", hidden).reshape(answers.shape)
    mixed = silu(gate, layer.norm("ssm_norm.weight", answers))
    return layer.project("ssm_out", mixed.reshape(len(hidden), -1))


def _heads(layer: Layer, hidden: Values, cache: Cache) -> tuple[Values, Values, Values]:
    """Queries, keys and values; a query is short by the root of its size."""
    groups, share = _groups(layer)
    size = layer.fact("ssm.state_size")
    mixed = swish(convolve(layer, "ssm_conv1d", layer.project("attn_qkv", hidden), cache))
    joined = mixed.reshape(len(hidden), -1, size)
    queries, keys, values = np.split(joined, [groups, 2 * groups], axis=1)
    queries, keys = (np.repeat(_unit(layer, vectors), share, axis=1) for vectors in (queries, keys))
    return queries * np.float32(size**-0.5), keys, values


def _rates(layer: Layer, hidden: Values) -> tuple[Values, Values]:
    """The shares that are kept and learned; in one matrix, by group of heads."""
    groups, share = _groups(layer)
    joined = layer.project("ssm_ba", hidden).reshape(len(hidden), groups, 2, share)
    learned, steps = (joined[:, :, part].reshape(len(hidden), -1) for part in range(2))
    decay = softplus(steps + layer.tensor("ssm_dt.bias")) * layer.tensor("ssm_a")
    return np.exp(decay), sigmoid(learned)


def _groups(layer: Layer) -> tuple[int, int]:
    """How many groups share a query and key, and how many heads are in each."""
    groups = layer.fact("ssm.group_count")
    return groups, layer.fact("ssm.time_step_rank") // groups


def _unit(layer: Layer, vectors: Values) -> Values:
    """Vectors of length 1."""
    least = np.float32(layer.fact("attention.layer_norm_rms_epsilon"))
    unit: Values = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), least)
    return unit


def _answers(layer: Layer, steps: _Steps, cache: Cache) -> Values:
    """What the state says to each query after its token, (tokens, heads, size)."""
    heads, size = steps.values.shape[1:]
    state = cache.states.get(layer.number, np.zeros((heads, size, size), np.float32))
    answers = np.empty_like(steps.values)
    for number, (queries, keys, values, kept, learned) in enumerate(zip(*steps, strict=True)):
        state = state * kept[:, None, None]
        missing = values - _asked(state, keys)
        state = state + keys[:, :, None] * (learned[:, None] * missing)[:, None]
        answers[number] = _asked(state, queries)
    cache.states[layer.number] = state
    return answers


def _asked(state: Values, keys: Values) -> Values:
    """What a state, (heads, keys, values), says to a key of each head, (heads, values)."""
    said: Values = (state * keys[:, :, None]).sum(axis=1)
    return said
