"""Pure. A GGUF in memory, one layer of it, and what a text leaves behind for its continuation.

Float32 throughout, as the engines compute in strict mode. Shapes are written as (tokens, width)
and, inside attention, (heads, tokens, head size).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from gguf import GGMLQuantizationType as Kind
from numpy.typing import NDArray

from engine_ci.gate.networks.norms import rms_norm
from engine_ci.gate.networks.operands import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.gate.networks.traits import Traits

Values: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A GGUF in memory.

    Attributes:
        facts: the file's metadata by key, such as `llama.block_count`.
        weights: float32 tensors by name, matrices as (outputs, inputs).
        kinds: the types that the tensors have in the file, F32 where nothing is said.
    """

    architecture: str
    facts: Mapping[str, Any]
    weights: Mapping[str, Values]
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def end_of_turn(self) -> int:
        """The token that ends an answer."""
        return int(self.facts["tokenizer.ggml.eos_token_id"])

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return len(self.weights["token_embd.weight"])

    @property
    def rounds(self) -> bool:
        """Whether what matrices are multiplied by is rounded, so that a last bit can be seen."""
        return any(kind is not Kind.F32 for kind in self.kinds.values())

    def fact(self, key: str, default: float | None = None) -> Any:  # noqa: ANN401 - int or float
        """A fact of the architecture, such as `block_count`."""
        return self.facts.get(f"{self.architecture}.{key}", default)

    def product(self, name: str, hidden: Values) -> Values:
        """A matrix of that full name times what it is given, as engines multiply its type."""
        operand = ROUNDING[self.kinds.get(name, Kind.F32)](hidden)
        product: Values = operand @ self.weights[name].swapaxes(-1, -2)
        return product

    def norm(self, name: str, hidden: Values) -> Values:
        """RMS norm with a weight of that full name."""
        epsilon = self.fact("attention.layer_norm_rms_epsilon")
        return rms_norm(hidden, self.weights[name], epsilon=epsilon)


@dataclass(kw_only=True)
class Cache:
    """What the tokens so far left behind, by layer.

    Attributes:
        length: how many they were.
        keys, values: of attention, each (KV heads, tokens, head size).
        tails: the last inputs of a short convolution, (tokens, channels).
        states: of a state space, (heads, values, state), or of a delta net, (heads, keys, values).
    """

    length: int = 0
    keys: dict[int, Values] = field(default_factory=dict)
    values: dict[int, Values] = field(default_factory=dict)
    tails: dict[int, Values] = field(default_factory=dict)
    states: dict[int, Values] = field(default_factory=dict)

    def append(self, layer: int, keys: Values, values: Values) -> tuple[Values, Values]:
        """Adds the keys and values of new tokens and returns those of all."""
        if layer in self.keys:
            keys = np.concatenate([self.keys[layer], keys], axis=1)
            values = np.concatenate([self.values[layer], values], axis=1)
        self.keys[layer], self.values[layer] = keys, values
        return keys, values


@dataclass(frozen=True, kw_only=True)
class Block:
    """The tensors of one layer; their names are those within it, such as `attn_q.bias`."""

    model: Model
    number: int

    def fact(self, key: str, default: float | None = None) -> Any:  # noqa: ANN401 - int or float
        """A fact of the architecture, this layer's own where the file has one for each."""
        fact = self.model.fact(key, default)
        return fact[self.number] if isinstance(fact, list) else fact

    def has(self, name: str) -> bool:
        """Whether the file has that tensor."""
        return self._full(name) in self.model.weights

    def tensor(self, name: str) -> Values:
        """A tensor that the file must have."""
        return self.model.weights[self._full(name)]

    def norm(self, name: str, hidden: Values) -> Values:
        """RMS norm."""
        return self.model.norm(self._full(name), hidden)

    def project(self, name: str, hidden: Values) -> Values:
        """A matrix, and its bias where the file has one; of experts, (experts, tokens, outputs)."""
        projected = self.model.product(self._full(f"{name}.weight"), hidden)
        bias = f"{name}.bias"
        return projected + self.tensor(bias)[..., None, :] if self.has(bias) else projected

    def _full(self, name: str) -> str:
        return f"blk.{self.number}.{name}"


@dataclass(frozen=True, kw_only=True)
class Layer(Block):
    """One layer of a generating model.

    Attributes:
        looks_ahead: new tokens see each other in both directions.
    """

    traits: Traits
    looks_ahead: bool = False
