"""Pure. The mathematics of each architecture, in numpy.

Float32 throughout, as the engines compute in strict mode. Shapes are written as (tokens, width)
and, inside attention, (heads, tokens, head size). `ARCHITECTURES` says what there is; another one
is a function of a model, new tokens and a cache, and the names of the tensors that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Values: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A GGUF in memory.

    Attributes:
        facts: the file's metadata by key, such as `llama.block_count`.
        weights: float32 tensors by name, matrices as (outputs, inputs).
    """

    architecture: str
    facts: Mapping[str, Any]
    weights: Mapping[str, Values]

    @property
    def end_of_turn(self) -> int:
        """The token that ends an answer."""
        return int(self.facts["tokenizer.ggml.eos_token_id"])

    def fact(self, key: str, default: float | None = None) -> Any:  # noqa: ANN401 - int or float
        """A fact of the architecture, such as `block_count`."""
        return self.facts.get(f"{self.architecture}.{key}", default)


@dataclass(kw_only=True)
class Cache:
    """The keys and values of the tokens so far, by layer, each (KV heads, tokens, head size)."""

    length: int = 0
    keys: dict[int, Values] = field(default_factory=dict)
    values: dict[int, Values] = field(default_factory=dict)

    def append(self, layer: int, keys: Values, values: Values) -> tuple[Values, Values]:
        """Adds those of new tokens and returns those of all."""
        if layer in self.keys:
            keys = np.concatenate([self.keys[layer], keys], axis=1)
            values = np.concatenate([self.values[layer], values], axis=1)
        self.keys[layer], self.values[layer] = keys, values
        return keys, values


def _llama(model: Model, tokens: Sequence[int], cache: Cache) -> Values:
    weights = model.weights
    hidden = weights["token_embd.weight"][np.asarray(tokens)]
    for layer in range(model.fact("block_count")):
        part = _Layer(model=model, number=layer)
        hidden = hidden + _attention(part, part.norm("attn_norm", hidden), cache)
        hidden = hidden + _feed_forward(part, part.norm("ffn_norm", hidden))
    cache.length += len(tokens)
    hidden = _rms_norm(hidden, weights["output_norm.weight"], model)
    return hidden @ weights.get("output.weight", weights["token_embd.weight"]).T


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """The weights of one layer."""

    model: Model
    number: int

    def matrix(self, name: str) -> Values:
        return self.model.weights[f"blk.{self.number}.{name}.weight"]

    def norm(self, name: str, hidden: Values) -> Values:
        return _rms_norm(hidden, self.matrix(name), self.model)

    def heads(self, name: str, hidden: Values, count: int) -> Values:
        """A projection, split into heads."""
        projected = hidden @ self.matrix(name).T
        return projected.reshape(len(hidden), count, -1).transpose(1, 0, 2)


def _attention(layer: _Layer, hidden: Values, cache: Cache) -> Values:
    model = layer.model
    heads = model.fact("attention.head_count")
    kv_heads = model.fact("attention.head_count_kv", heads)
    turns = _turns(model, start=cache.length, count=len(hidden))
    queries = _rotate(layer.heads("attn_q", hidden, heads), turns)
    keys, values = cache.append(
        layer.number,
        _rotate(layer.heads("attn_k", hidden, kv_heads), turns),
        layer.heads("attn_v", hidden, kv_heads),
    )
    group = heads // kv_heads
    scores = queries @ np.repeat(keys, group, axis=0).transpose(0, 2, 1)
    scores *= np.float32(queries.shape[-1] ** -0.5)
    seen = np.arange(keys.shape[1]) <= cache.length + np.arange(len(hidden))[:, None]
    mixed = _softmax(np.where(seen, scores, -np.inf)) @ np.repeat(values, group, axis=0)
    return mixed.transpose(1, 0, 2).reshape(len(hidden), -1) @ layer.matrix("attn_output").T


def _feed_forward(layer: _Layer, hidden: Values) -> Values:
    gate = hidden @ layer.matrix("ffn_gate").T
    up = hidden @ layer.matrix("ffn_up").T
    with np.errstate(over="ignore"):  # of a very negative gate nothing is left, as it should be
        active: Values = gate / (1 + np.exp(-gate))
    return (active * up) @ layer.matrix("ffn_down").T


def _rms_norm(hidden: Values, weight: Values, model: Model) -> Values:
    epsilon = np.float32(model.fact("attention.layer_norm_rms_epsilon"))
    normed: Values = hidden / np.sqrt(np.mean(hidden**2, axis=-1, keepdims=True) + epsilon)
    return normed * weight


def _turns(model: Model, *, start: int, count: int) -> tuple[Values, Values]:
    """Cosine and sine of each position's angles, (tokens, rotated pairs)."""
    size = model.fact("rope.dimension_count")
    steps = model.fact("rope.freq_base", 10_000.0) ** (-np.arange(0, size, 2) / size)
    angles = np.arange(start, start + count)[:, None] * steps
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _rotate(heads: Values, turns: tuple[Values, Values]) -> Values:
    """RoPE over neighbouring pairs; values beyond the rotated ones stay."""
    cosine, sine = turns
    size = 2 * cosine.shape[-1]
    even, odd = heads[..., 0:size:2], heads[..., 1:size:2]
    rotated = heads.copy()
    rotated[..., 0:size:2] = even * cosine - odd * sine
    rotated[..., 1:size:2] = even * sine + odd * cosine
    return rotated


def _softmax(scores: Values) -> Values:
    raised: Values = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total: Values = raised.sum(axis=-1, keepdims=True)
    return raised / total


def _llama_tensors(model: Model) -> set[str]:
    ends = {"token_embd.weight", "output_norm.weight", "output.weight"}
    parts = "attn_norm attn_q attn_k attn_v attn_output ffn_norm ffn_gate ffn_up ffn_down"
    layers = range(model.fact("block_count"))
    return ends | {f"blk.{layer}.{part}.weight" for layer in layers for part in parts.split()}


class Architecture(NamedTuple):
    """The logits of new tokens, (tokens, vocabulary), and the names of the tensors read."""

    forward: Callable[[Model, Sequence[int], Cache], Values]
    tensors: Callable[[Model], set[str]]


ARCHITECTURES: Final = {"llama": Architecture(_llama, _llama_tensors)}
