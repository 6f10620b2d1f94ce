"""The model that speed is measured on: untrained, about 20 million parameters, F16.

Large enough that an engine spends its time in kernels and not in HTTP; written from nothing in
less time than a download would take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from gguf import LlamaFileType

from engine_ci.gate import gguf_writer, splitmix
from engine_ci.gate.gguf_writer import Shape
from engine_ci.gate.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PRE_TOKENIZER: Final = "gpt-2"
VOCABULARY: Final = Vocabulary(merges=(("t", "h"),))
SHAPE: Final = Shape(
    width=512,
    layers=6,
    heads=8,
    kv_heads=4,
    feed_forward=1664,
    vocabulary=len(VOCABULARY),
    context=4096,
)


def write(path: Path, *, seed: int, shape: Shape = SHAPE) -> None:
    """Writes the model, in place; the same seed gives the same bytes on every machine."""
    weights = {
        name: _tensor(f"performance/{seed}/{name}", size)
        for name, size in gguf_writer.weight_shapes(shape).items()
    }
    silent = np.setdiff1d(np.arange(len(VOCABULARY)), VOCABULARY.printable)
    weights["output.weight"][silent] = 0
    gguf_writer.write(
        path,
        name="engine-ci performance",
        shape=shape,
        vocabulary=VOCABULARY,
        pre_tokenizer=PRE_TOKENIZER,
        weights=weights,
        file_type=LlamaFileType.MOSTLY_F16,
    )


def _tensor(stream: str, size: tuple[int, ...]) -> NDArray[np.float32] | NDArray[np.float16]:
    """Norms of 1; matrices scaled so that the signal keeps its size through the layers."""
    if len(size) == 1:
        return np.ones(size, dtype=np.float32)
    scale = np.float32(size[1] ** -0.5)
    return (splitmix.normal(stream, size) * scale).astype(np.float16)
