"""Pure. The functions that are applied value by value, and the softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Values


def softmax(scores: Values) -> Values:
    """Over the last axis."""
    raised: Values = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total: Values = raised.sum(axis=-1, keepdims=True)
    return raised / total


def sigmoid(values: Values) -> Values:
    """How far each gate is open, from 0 to 1."""
    with np.errstate(over="ignore"):  # a very negative one is closed, as it should be
        opened: Values = np.reciprocal(1 + np.exp(-values))
    return opened


def softplus(values: Values) -> Values:
    """Always positive, and nearly the value itself where that is large."""
    return np.logaddexp(values, np.float32(0))


def swish(values: Values) -> Values:
    """Each value as far as it opens its own gate."""
    with np.errstate(over="ignore"):  # of a very negative gate nothing is left, as it should be
        active: Values = values / (1 + np.exp(-values))
    return active


def silu(gate: Values, up: Values) -> Values:
    """Most architectures'."""
    return swish(gate) * up


def gelu(gate: Values, up: Values) -> Values:
    """Gemma's: the tanh form, rounded to F16 before and after, as the engines' table is."""
    rough = gate.astype(np.float16).astype(np.float32)
    bent = np.tanh(np.float32(0.7978845608) * rough * (1 + np.float32(0.044715) * rough * rough))
    active: Values = (np.float32(0.5) * rough * (1 + bent)).astype(np.float16).astype(np.float32)
    return active * up


def clamped_silu(gate: Values, up: Values) -> Values:
    """That of gpt-oss: steeper, nothing beyond 7, and one more than `up` as the factor."""
    limit = np.float32(7)
    gate = np.minimum(gate, limit)
    active: Values = gate / (1 + np.exp(np.float32(-1.702) * gate))
    return active * (np.clip(up, -limit, limit) + 1)


def softcap(values: Values, cap: float | None) -> Values:
    """Values bent so that none passes the cap; as they are without one."""
    return values if cap is None else np.float32(cap) * np.tanh(values / np.float32(cap))
