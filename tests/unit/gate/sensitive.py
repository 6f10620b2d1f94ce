"""The shipped sensitive models, to be changed and asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate import reference, zoo
from engine_ci.gate.networks import ARCHITECTURES, Cache, Model, Values, forward

if TYPE_CHECKING:
    from collections.abc import Mapping

EXACT = [
    model for model in zoo.load_catalogue() if (model.role, model.weights) == ("sensitive", "F32")
]
TOKENS = [40 + 7 * number % 80 for number in range(50)]  # more than a window


def array(values: object) -> Values:
    return np.array(values, dtype=np.float32)


def load(name: str) -> Model:
    return reference.load(zoo.data_root() / "fixtures" / "zoo" / f"sensitive-{name}.gguf")


def logits(model: Model, **changes: object) -> Values:
    """Of `TOKENS`, with other traits where some are given."""
    traits = replace(ARCHITECTURES[model.architecture], **changes)  # type: ignore[arg-type] # traits by name
    return forward(model, traits, TOKENS, Cache())


def with_weights(model: Model, changes: dict[str, Values]) -> Model:
    return replace(model, weights={**model.weights, **changes})


def without(model: Model, *names: str) -> Model:
    """The model without the tensors whose names contain one of those."""
    kept = {
        full: value
        for full, value in model.weights.items()
        if not any(name in full for name in names)
    }
    return replace(model, weights=kept)


def with_facts(model: Model, changes: Mapping[str, object]) -> Model:
    """Facts of the architecture."""
    named = {f"{model.architecture}.{key}": fact for key, fact in changes.items()}
    return replace(model, facts={**model.facts, **named})


def in_each_layer(model: Model, name: str) -> dict[str, Values]:
    return {full: value for full, value in model.weights.items() if full.endswith(f".{name}")}


def scaled(model: Model, by: float, *names: str) -> Model:
    """The tensors of those names, in every layer or outside them, times a factor."""
    changes = {
        full: value * np.float32(by)
        for full, value in model.weights.items()
        if (full.split(".", maxsplit=2)[2] if full.startswith("blk.") else full) in names
    }
    return with_weights(model, changes)
