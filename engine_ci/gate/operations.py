"""Which operations there are to suspect, and how to tell the models and modes that need them.

A model is known by its marks, which its own file bears: the names of the tensors of its layers
(`attn_q`, `attn_q.bias`), the keys of its facts (`attention.sliding_window`),
`architecture:NAME` and `type:NAME`. One more operation is one more line of `FEATURES`; a new
architecture or type of weights needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gguf import GGUFReader

from engine_ci.gate.asking import Mode
from engine_ci.gate.networks import ARCHITECTURES, ROPE_FACTORS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Marks = frozenset[str]

# The mark of a model that is asked prompts of this kind, which no file bears.
LONG: Final = "more than 1,000 tokens"
_ARCHITECTURE: Final = "architecture:"
_TYPE: Final = "type:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """An operation of some models: those with one of `marks`, and none of `unless`."""

    name: str
    marks: Marks
    unless: Marks = frozenset()

    def is_of(self, model: Marks) -> bool:
        """Whether a model with these marks has it."""
        return not self.marks.isdisjoint(model) and self.unless.isdisjoint(model)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An operation of some modes, whatever the model."""

    name: str
    modes: frozenset[Mode]


def _feature(name: str, marks: Iterable[str], *, unless: Iterable[str] = ()) -> Feature:
    return Feature(name=name, marks=frozenset(marks), unless=frozenset(unless))


_PAIRS_NEIGHBOURS: Final = tuple(
    f"{_ARCHITECTURE}{name}" for name, traits in ARCHITECTURES.items() if not traits.rotates_halves
)
_POSITIONS: Final = "position_embd"

FEATURES: Final = (
    _feature("attention or its mask", ["attn_q", "attn_qkv"]),
    _feature("RoPE", ["rope.freq_base"], unless=[_POSITIONS]),
    _feature("RoPE of neighbours", _PAIRS_NEIGHBOURS, unless=[_POSITIONS]),
    _feature("RoPE of halves", ["rope.freq_base"], unless=[_POSITIONS, *_PAIRS_NEIGHBOURS]),
    _feature("RoPE with a factor for each pair", ROPE_FACTORS),
    _feature("scaled RoPE", ["rope.scaling.factor"]),
    _feature("sliding window", ["attention.sliding_window"]),
    _feature("biases of Q, K and V", ["attn_q.bias"]),
    _feature("norms of heads", ["attn_q_norm"]),
    _feature("one matrix for Q, K and V", ["attn_qkv"]),
    _feature("attention sinks", ["attn_sinks"]),
    _feature("soft caps", ["attn_logit_softcapping"]),
    _feature("dense feed-forward", ["ffn_down"]),
    _feature("experts", ["ffn_down_exps"]),
    _feature("post-norms, GELU or the scale of embeddings", ["post_ffw_norm"]),
    _feature("state space or its convolution", ["ssm_conv1d"], unless=["ssm_ba"]),
    _feature("gated delta net", ["ssm_ba"]),
    _feature("short convolution", ["shortconv.conv"]),
    _feature(LONG, [LONG]),
)

_NO_FLASH: Final = frozenset(Mode) - {Mode.APP, Mode.FLASH}
PLACES: Final = (
    Place(name="attention without flash attention", modes=_NO_FLASH),
    Place(name="flash attention or F16 cache", modes=frozenset({Mode.APP, Mode.FLASH})),
    Place(name="the app's own flags", modes=frozenset({Mode.APP})),
    Place(name="flash attention on one thread", modes=frozenset({Mode.FLASH})),
    Place(name="prompts in many batches", modes=frozenset({Mode.BATCHES})),
    Place(name="several slots", modes=frozenset({Mode.SLOTS})),
    Place(name="prompt cache", modes=frozenset({Mode.CACHED})),
    Place(name="end of the context", modes=frozenset({Mode.BRIM})),
)


def marks(path: Path) -> Marks:
    """Those that the verified GGUF of a model bears."""
    reader = GGUFReader(path)
    architecture = str(reader.fields["general.architecture"].contents())
    tensors = {_part(tensor.name) for tensor in reader.tensors}
    facts = {key.removeprefix(f"{architecture}.") for key in reader.fields}
    types = {f"{_TYPE}{tensor.tensor_type.name}" for tensor in reader.tensors}
    return frozenset({f"{_ARCHITECTURE}{architecture}", *tensors, *facts, *types})


def _part(tensor: str) -> str:
    """Of `blk.0.attn_q.weight` it is `attn_q`, of `output.weight` `output`."""
    name = tensor.removesuffix(".weight")
    return name.split(".", 2)[-1] if name.startswith("blk.") else name


def features(models: Iterable[Marks]) -> tuple[Feature, ...]:
    """Those of the table, each architecture by itself, and the kernels of each type of weights."""
    found = sorted(frozenset().union(*models))
    graphs = [mark for mark in found if mark.startswith(_ARCHITECTURE)]
    types = [mark for mark in found if mark.startswith(_TYPE)]
    return (
        *FEATURES,
        *(_feature(f"graph of {mark.removeprefix(_ARCHITECTURE)}", [mark]) for mark in graphs),
        *(_feature(f"kernels for {mark.removeprefix(_TYPE)}", [mark]) for mark in types),
    )
