"""A very small llama, so that the mathematics can be checked value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFReader

from engine_ci.gate import gguf_writer, splitmix
from engine_ci.gate.gguf_writer import Shape, weight_shapes
from engine_ci.gate.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

VOCABULARY = Vocabulary(merges=(("t", "h"),))
SHAPE = Shape(
    width=8,
    layers=2,
    heads=4,
    kv_heads=2,
    feed_forward=12,
    vocabulary=len(VOCABULARY),
    rope_base=100.0,
    epsilon=1e-3,
)


def weights(shape: Shape = SHAPE, *, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Random weights, large enough that every part of the network matters."""
    return {
        name: splitmix.normal(f"tiny/{seed}/{name}", size) * np.float32(0.7)
        for name, size in weight_shapes(shape).items()
    }


def write(
    path: Path,
    values: Mapping[str, NDArray[np.float32] | NDArray[np.float16]] | None = None,
    *,
    shape: Shape = SHAPE,
) -> Path:
    """Writes a tiny model."""
    gguf_writer.write(
        path,
        name="tiny",
        shape=shape,
        vocabulary=VOCABULARY,
        pre_tokenizer="gpt-2",
        weights=values or weights(shape),
    )
    return path


def facts(path: Path) -> dict[str, object]:
    """What the header of a GGUF says."""
    return {key: entry.contents() for key, entry in GGUFReader(path).fields.items()}
