"""Pure. Attention: over all, and grouped-query, over the tokens so far or a window of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate.networks import rope
from engine_ci.gate.networks.activations import sigmoid, softcap, softmax
from engine_ci.gate.networks.traits import ROPE_FACTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine_ci.gate.networks.model import Cache, Layer, Values


def among_all(queries: Values, keys: Values, values: Values) -> Values:
    """What each token takes from all, (tokens, width), where none is hidden from any."""
    scores = queries @ keys.transpose(0, 2, 1) * np.float32(queries.shape[-1] ** -0.5)
    return _joined(softmax(scores) @ values)


def attend(layer: Layer, hidden: Values, cache: Cache) -> Values:
    """What the new tokens take from those before them and from themselves."""
    queries, keys, values = _heads(layer, hidden)
    gate = None
    if layer.traits.gates_attention:
        queries, gate = np.split(queries, 2, axis=-1)
    positions = np.arange(cache.length, cache.length + len(hidden))
    magnitude = _magnitude(layer)
    queries, keys = (
        _turned(layer, _normed(layer, name, heads), positions, magnitude=magnitude)
        for name, heads in (("attn_q_norm.weight", queries), ("attn_k_norm.weight", keys))
    )
    keys, values = cache.append(layer.number, keys, values)
    mixed = _mixed(layer, queries, keys, values)
    if gate is not None:
        mixed = mixed * sigmoid(gate)
    return layer.project("attn_output", _joined(mixed))


def forget(layer: Layer, cache: Cache, *, keep: int, discard: int) -> None:
    """Drops tokens behind the first `keep`, and turns the keys of all others back to move up."""
    number = layer.number
    for kept in (cache.keys, cache.values):
        kept[number] = np.delete(kept[number], slice(keep, keep + discard), axis=1)
    behind = cache.keys[number][:, keep:]
    behind[...] = _turned(layer, behind, np.full(behind.shape[1], -discard))


def _heads(layer: Layer, hidden: Values) -> list[Values]:
    """Queries, keys and values, from three matrices or one."""
    heads = layer.fact("attention.head_count")
    kv_heads = layer.fact("attention.head_count_kv", heads)
    if layer.has("attn_qkv.weight"):
        fused = layer.project("attn_qkv", hidden)
        size = fused.shape[-1] // (heads + 2 * kv_heads)
        joined = np.split(fused, [heads * size, (heads + kv_heads) * size], axis=-1)
    else:
        joined = [layer.project(f"attn_{part}", hidden) for part in "qkv"]
    return [
        part.reshape(len(hidden), count, -1).transpose(1, 0, 2)
        for part, count in zip(joined, (heads, kv_heads, kv_heads), strict=True)
    ]


def _joined(heads: Values) -> Values:
    """(heads, tokens, head size) as (tokens, width)."""
    return heads.transpose(1, 0, 2).reshape(heads.shape[1], -1)


def _normed(layer: Layer, name: str, heads: Values) -> Values:
    return layer.norm(name, heads) if layer.has(name) else heads


def _turned(
    layer: Layer, heads: Values, positions: NDArray[np.int_], *, magnitude: float = 1.0
) -> Values:
    traits = layer.traits
    if traits.turns_if_told and not layer.fact("rope.scaling.finetuned", default=False):
        return heads
    turns = rope.turns(positions, _steps(layer), magnitude=magnitude)
    return rope.rotate(heads, turns, halves=traits.rotates_halves)


def _steps(layer: Layer) -> rope.Steps:
    """Those of RoPE; a layer with a window and a base of its own takes them as they are."""
    traits, size = layer.traits, layer.fact("rope.dimension_count")
    if traits.window_base is not None and not traits.sees_all(layer.number):
        return rope.steps(size=size, base=traits.window_base)
    base = layer.fact("rope.freq_base", 10_000.0)
    steps = rope.steps(size=size, base=base)
    for name in ROPE_FACTORS:
        steps = steps / layer.model.weights.get(f"{name}.weight", 1)
    factor = layer.fact("rope.scaling.factor", 1.0)
    if _is_yarn(layer):
        context = layer.fact("rope.scaling.original_context_length")
        return rope.yarn(steps, base=base, factor=factor, context=context)
    scaled: rope.Steps = steps / factor
    return scaled


def _magnitude(layer: Layer) -> float:
    """What RoPE scales queries and keys by."""
    magnitude: float = layer.fact("rope.scaling.attn_factor", 1.0)
    if _is_yarn(layer):
        magnitude *= rope.yarn_magnitude(layer.fact("rope.scaling.factor"))
    return magnitude


def _is_yarn(layer: Layer) -> bool:
    return bool(layer.fact("rope.scaling.type") == "yarn")


def _mixed(layer: Layer, queries: Values, keys: Values, values: Values) -> Values:
    """What each query makes of the values, (heads, new tokens, head size)."""
    group = len(queries) // len(keys)
    scores = queries @ np.repeat(keys, group, axis=0).transpose(0, 2, 1)
    scores *= np.float32(layer.fact("attention.scale", queries.shape[-1] ** -0.5))
    scores = softcap(scores, layer.fact("attn_logit_softcapping"))
    scores = np.where(_seen(layer, scores.shape), scores, -np.inf)
    return _shares(layer, scores) @ np.repeat(values, group, axis=0)


def _seen(layer: Layer, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which keys each query sees, (new tokens, all tokens); a window counts the token itself."""
    *_, new, every = shape
    behind = np.arange(every - new, every)[:, None] - np.arange(every)
    sees_all = layer.traits.sees_all(layer.number)
    window = every if sees_all else layer.fact("attention.sliding_window")
    seen: NDArray[np.bool_] = ((behind >= 0) | layer.looks_ahead) & (behind < window)
    return seen


def _shares(layer: Layer, scores: Values) -> Values:
    """The softmax; a sink takes a share of its own, which is lost."""
    if not layer.has("attn_sinks.weight"):
        return softmax(scores)
    sinks = layer.tensor("attn_sinks.weight")[:, None, None]
    column = np.broadcast_to(sinks, (*scores.shape[:2], 1))
    return softmax(np.concatenate([scores, column], axis=-1))[..., :-1]
