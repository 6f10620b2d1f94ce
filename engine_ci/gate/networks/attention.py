"""Pure. Grouped-query attention, over all tokens so far or over a window of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate.networks import rope
from engine_ci.gate.networks.activations import softcap, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine_ci.gate.networks.model import Cache, Layer, Values
    from engine_ci.gate.networks.traits import Traits


def attend(layer: Layer, traits: Traits, hidden: Values, cache: Cache) -> Values:
    """What the new tokens take from those before them and from themselves."""
    queries, keys, values = _heads(layer, hidden)
    turns = _turns(layer, traits, start=cache.length, count=len(hidden))
    queries, keys = (
        rope.rotate(heads, turns, halves=traits.rotates_halves)
        for heads in (_normed(layer, "attn_q_norm", queries), _normed(layer, "attn_k_norm", keys))
    )
    keys, values = cache.append(layer.number, keys, values)
    group = len(queries) // len(keys)
    scores = queries @ np.repeat(keys, group, axis=0).transpose(0, 2, 1)
    scores *= np.float32(queries.shape[-1] ** -0.5)
    scores = softcap(scores, layer.model.fact("attn_logit_softcapping"))
    scores = np.where(_seen(layer, traits, cache.length, scores.shape), scores, -np.inf)
    mixed = _shares(layer, scores) @ np.repeat(values, group, axis=0)
    return layer.project("attn_output", mixed.transpose(1, 0, 2).reshape(len(hidden), -1))


def _heads(layer: Layer, hidden: Values) -> list[Values]:
    """Queries, keys and values, from three matrices or one."""
    model = layer.model
    heads = model.fact("attention.head_count")
    kv_heads = model.fact("attention.head_count_kv", heads)
    if layer.tensor("attn_qkv.weight") is None:
        joined = [layer.project(f"attn_{part}", hidden) for part in "qkv"]
    else:
        fused = layer.project("attn_qkv", hidden)
        size = fused.shape[-1] // (heads + 2 * kv_heads)
        joined = np.split(fused, [heads * size, (heads + kv_heads) * size], axis=-1)
    return [
        part.reshape(len(hidden), count, -1).transpose(1, 0, 2)
        for part, count in zip(joined, (heads, kv_heads, kv_heads), strict=True)
    ]


def _normed(layer: Layer, name: str, heads: Values) -> Values:
    return heads if layer.tensor(f"{name}.weight") is None else layer.norm(name, heads)


def _turns(layer: Layer, traits: Traits, *, start: int, count: int) -> rope.Turns:
    model = layer.model
    base = model.fact("rope.freq_base", 10_000.0)
    if traits.window_base is not None and not traits.sees_all(layer.number):
        base = traits.window_base
    size = model.fact("rope.dimension_count")
    return rope.turns(start=start, count=count, size=size, base=base)


def _seen(layer: Layer, traits: Traits, start: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which keys each query sees, (new tokens, all tokens); a window counts the token itself."""
    *_, new, every = shape
    behind = start + np.arange(new)[:, None] - np.arange(every)
    window = (
        every if traits.sees_all(layer.number) else layer.model.fact("attention.sliding_window")
    )
    seen: NDArray[np.bool_] = (behind >= 0) & (behind < window)
    return seen


def _shares(layer: Layer, scores: Values) -> Values:
    """The softmax; a sink takes a share of its own, which is lost."""
    sinks = layer.tensor("attn_sinks.weight")
    if sinks is None:
        return softmax(scores)
    column = np.broadcast_to(sinks[:, None, None], (*scores.shape[:2], 1))
    return softmax(np.concatenate([scores, column], axis=-1))[..., :-1]
