"""The models that are written here from a seed: too large to ship, quicker written than fetched.

`performance` is what speed is measured on: untrained, about 20 million parameters, F16, so that an
engine spends its time in kernels and not in HTTP. `wide` has rows and heads as long as those of
models in use, in the mix of types that llama.cpp calls Q4_K_M. `echo` says again what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import LlamaFileType

from engine_ci.gate import blocks, echo, gguf_writer, splitmix
from engine_ci.gate.gguf_writer import Shape
from engine_ci.gate.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine_ci.gate.gguf_writer import Tensor

PRE_TOKENIZER: Final = "gpt-2"
VOCABULARY: Final = Vocabulary(merges=(("t", "h"),))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One model.

    Attributes:
        name: of the random numbers.
        kind: of the matrices.
        kinds: of matrices, by their full names, where it is another.
        gain: how much larger a matrix makes what it multiplies; 1 keeps the signal's size.
        gains: the same of matrices, by their full names, where it is another.
        norms: how far the weights of norms spread around 1.
    """

    name: str
    shape: Shape
    file_type: LlamaFileType
    kind: Kind
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    gain: float = 1.0
    gains: Mapping[str, float] = field(default_factory=dict)
    norms: float = 0.0

    def tensor(self, name: str, size: tuple[int, ...], *, seed: int) -> Tensor:
        """One tensor of the file."""
        stream = f"{self.name}/{seed}/{name}"
        if len(size) == 1:
            return np.float32(1) + np.float32(self.norms) * splitmix.normal(stream, size)
        return blocks.draw(
            stream,
            size,
            kind=self.kinds.get(name, self.kind),
            deviation=self.gains.get(name, self.gain) * size[1] ** -0.5,
        )


_WIDTH: Final = 2048

RECIPES: Final = {
    "performance": Recipe(
        name="performance",
        shape=Shape(
            width=512,
            layers=6,
            heads=8,
            kv_heads=4,
            feed_forward=1664,
            vocabulary=len(VOCABULARY),
            context=4096,
        ),
        file_type=LlamaFileType.MOSTLY_F16,
        kind=Kind.F16,
    ),
    "wide": Recipe(
        name="wide",
        shape=Shape(
            width=_WIDTH,
            layers=2,
            heads=16,
            kv_heads=4,
            feed_forward=5632,
            vocabulary=len(VOCABULARY),
        ),
        file_type=LlamaFileType.MOSTLY_Q4_K_M,
        kind=Kind.Q4_K,
        # As llama.cpp chooses for Q4_K_M: of two layers, the last has these in more bits.
        kinds={
            "blk.1.attn_v.weight": Kind.Q6_K,
            "blk.1.ffn_down.weight": Kind.Q6_K,
            "output.weight": Kind.Q6_K,
        },
        gain=1.5,
        gains={"token_embd.weight": _WIDTH**0.5, "output.weight": 4.0},
        norms=0.2,
    ),
}


def write(path: Path, recipe: Recipe, *, seed: int) -> None:
    """Writes a model, in place; the same seed gives the same bytes on every machine."""
    weights = {
        name: recipe.tensor(name, size, seed=seed)
        for name, size in gguf_writer.weight_shapes(recipe.shape).items()
    }
    gguf_writer.silence(weights["output.weight"], VOCABULARY)
    gguf_writer.write(
        path,
        name=f"engine-ci {recipe.name}",
        shape=recipe.shape,
        vocabulary=VOCABULARY,
        pre_tokenizer=PRE_TOKENIZER,
        weights=weights,
        file_type=recipe.file_type,
    )


WRITERS: Final[Mapping[str, Callable[..., None]]] = {
    **{name: partial(write, recipe=recipe) for name, recipe in RECIPES.items()},
    "echo": echo.write,
}
