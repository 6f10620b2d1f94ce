"""Pure. Mamba and Mamba-2: a short convolution, then a state that every token decays and feeds.

A Mamba is a Mamba-2 whose heads have one value each and whose decay differs for every value of the
state. Shapes within the scan are (heads, values, state).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine_ci.gate.networks.activations import silu, softplus, swish
from engine_ci.gate.networks.short_convolution import convolve

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Cache, Layer, Values


class _Scan(NamedTuple):
    """What is scanned, token by token.

    `inputs` are (tokens, heads, values), `steps` (tokens, heads), what is written and read
    (tokens, groups, state).
    """

    inputs: Values
    steps: Values
    writes: Values
    reads: Values


def state_space(layer: Layer, hidden: Values, cache: Cache) -> Values:
    """What the new tokens take from the state that those before them left."""
    first = layer.has("ssm_x.weight")
    scan, gate = (_first if first else _second)(layer, hidden, cache)
    mixed = silu(gate, _scanned(layer, scan, cache).reshape(len(hidden), -1))
    norm = "ssm_norm.weight"
    if layer.has(norm):
        mixed = layer.norm(norm, mixed.reshape(len(hidden), *layer.tensor(norm).shape))
    return layer.project("ssm_out", mixed.reshape(len(hidden), -1))


def _first(layer: Layer, hidden: Values, cache: Cache) -> tuple[_Scan, Values]:
    inputs, gate = np.split(layer.project("ssm_in", hidden), 2, axis=-1)
    inputs = swish(convolve(layer, "ssm_conv1d", inputs, cache))
    rank, state = (layer.fact(f"ssm.{key}") for key in ("time_step_rank", "state_size"))
    steps, writes, reads = np.split(layer.project("ssm_x", inputs), [rank, rank + state], axis=-1)
    steps = softplus(layer.project("ssm_dt", steps))
    return _Scan(inputs[..., None], steps, writes[:, None], reads[:, None]), gate


def _second(layer: Layer, hidden: Values, cache: Cache) -> tuple[_Scan, Values]:
    keys = ("inner_size", "group_count", "state_size", "time_step_rank")
    inner, groups, state, heads = (layer.fact(f"ssm.{key}") for key in keys)
    gate, mixed, steps = np.split(layer.project("ssm_in", hidden), [inner, -heads], axis=-1)
    mixed = swish(convolve(layer, "ssm_conv1d", mixed, cache))
    inputs, writes, reads = np.split(mixed, [inner, inner + groups * state], axis=-1)
    steps = softplus(steps + layer.tensor("ssm_dt.bias"))
    count = len(hidden)
    return _Scan(
        inputs.reshape(count, heads, -1),
        steps,
        writes.reshape(count, groups, state),
        reads.reshape(count, groups, state),
    ), gate


def _scanned(layer: Layer, scan: _Scan, cache: Cache) -> Values:
    """What is read of the state after each token, (tokens, heads, values)."""
    decay = layer.tensor("ssm_a")[:, None, :]
    skip = layer.tensor("ssm_d").reshape(-1, 1)
    heads, values = scan.inputs.shape[1:]
    state = cache.states.get(
        layer.number, np.zeros((heads, values, scan.writes.shape[-1]), np.float32)
    )
    read = np.empty_like(scan.inputs)
    for number, (inputs, steps, writes, reads) in enumerate(zip(*scan, strict=True)):
        share = heads // len(writes)
        fed = (steps[:, None] * inputs)[..., None] * np.repeat(writes, share, axis=0)[:, None]
        state = state * np.exp(steps[:, None, None] * decay) + fed
        read[number] = (state * np.repeat(reads, share, axis=0)[:, None]).sum(axis=-1)
    cache.states[layer.number] = state
    return read + scan.inputs * skip
