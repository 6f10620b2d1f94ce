"""Writes a model that says again what stands a certain number of tokens before.

So a text can be put into its mouth, whatever the text: what an engine makes of it is then known. A
llama of one layer with one head: queries and keys are the same for every token, so that RoPE alone
tells which one is looked at, and values are what it is. No sampler has a choice: the next likely
token is 30 nats behind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.gate import gguf_writer, splitmix
from engine_ci.gate.gguf_writer import Shape
from engine_ci.gate.vocabulary import CHATML, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Values = NDArray[np.float32]

# What models in use have a token for, as engines hide such tokens unless they are told not to.
TAGS: Final = (
    "<think>", "</think>", "[THINK]", "[/THINK]",
    "<tool_call>", "</tool_call>", "<|tool_call|>", "<minimax:tool_call>", "</minimax:tool_call>",
    "<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|call|>", "<|return|>", "<|end|>",
    "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[ARGS]",
    "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>",  # noqa: RUF001 - theirs
    "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>",  # noqa: RUF001 - theirs
    "<|tool_list_start|>", "<|tool_list_end|>", "<|tool_call_start|>", "<|tool_call_end|>",
    "<|im_system|>", "<|im_user|>", "<|im_assistant|>", "<|im_middle|>",
    "<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>",
    "<|tool_calls_section_end|>",
    "<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|tool>", "<tool|>",
    "<|tool_call>", "<tool_call|>", "<|tool_response>",
)  # fmt: skip
PRE_TOKENIZER: Final = "gpt-2"


@dataclass(frozen=True, kw_only=True)
class Echo:
    """One such model.

    Attributes:
        distance: how many tokens before the next one the token stands that is said again.
        context: in tokens.
        tool_template: of chats with tools on offer, where that is another.
    """

    vocabulary: Vocabulary
    template: str
    distance: int
    context: int
    tool_template: str | None = None

    @property
    def shape(self) -> Shape:
        """One layer with one head."""
        return Shape(
            width=64,
            layers=1,
            heads=1,
            kv_heads=1,
            feed_forward=32,
            vocabulary=len(self.vocabulary),
            context=self.context,
        )


OURS: Final = Echo(
    vocabulary=Vocabulary(merges=(("t", "h"),), tags=TAGS),
    template=CHATML,
    # Enough for a call of a tool; with the tools before it, it fits an app's slot of 1,024 tokens.
    distance=384,
    context=2048,
)
# How sharply it looks at one place, and how much louder that is than the token itself.
_SHARPNESS: Final = 20.0
_LOUDNESS: Final = 8.0


def write(path: Path, *, seed: int, echo: Echo = OURS) -> None:
    """Writes the model, in place; `seed` draws what tells its tokens from each other."""
    gguf_writer.write(
        path,
        name="engine-ci echo",
        shape=echo.shape,
        vocabulary=echo.vocabulary,
        pre_tokenizer=PRE_TOKENIZER,
        weights=_weights(seed, echo.shape, distance=echo.distance),
        template=echo.template,
        tool_template=echo.tool_template,
    )


def _weights(seed: int, shape: Shape, *, distance: int) -> dict[str, Values]:
    """All tensors; the last value of each token is 1, the others tell it from all others."""
    weights = {
        name: np.full(size, float(name.endswith("norm.weight")), dtype=np.float32)
        for name, size in gguf_writer.weight_shapes(shape).items()
    }
    signs = np.sign(splitmix.normal(f"echo/{seed}", (shape.vocabulary, shape.width - 1)))
    for table in ("token_embd.weight", "output.weight"):
        weights[table][:, :-1] = signs
    weights["token_embd.weight"][:, -1] = 1
    weights["blk.0.attn_k.weight"][0::2, -1] = _SHARPNESS
    weights["blk.0.attn_q.weight"][:, -1] = _turned_back(shape, distance)
    weights["blk.0.attn_v.weight"] += np.eye(shape.width, dtype=np.float32)
    weights["blk.0.attn_output.weight"] += _LOUDNESS * np.eye(shape.width, dtype=np.float32)
    return weights


def _turned_back(shape: Shape, distance: int) -> Values:
    """A query that is most alike a key where that was turned so many steps less by RoPE.

    The next token is one nearer than the one that is said again.
    """
    steps = (shape.rope_base ** (-pair / shape.head_size) for pair in range(0, shape.head_size, 2))
    angles = [-(distance - 1) * step for step in steps]
    pairs = [(math.cos(angle), math.sin(angle)) for angle in angles]
    return np.array(pairs, dtype=np.float32).reshape(-1) * np.float32(_SHARPNESS)
