"""Writes a GGUF, byte for byte the same from the same values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType

from engine_ci.gate.vocabulary import CHATML, END_OF_TEXT, END_OF_TURN, SPECIALS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from engine_ci.gate.vocabulary import SentencePieces


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a model, and the two constants of its mathematics."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    context: int = 2048
    rope_base: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        """Values per head; 0 where there is no attention, and so no head."""
        return self.width // self.heads if self.heads else 0


def weight_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The name of every tensor of a llama and its (outputs, inputs), in the order of the file."""
    width, kv_width = shape.width, shape.kv_heads * shape.head_size
    layer = {
        "attn_norm": (width,),
        "attn_q": (width, width),
        "attn_k": (kv_width, width),
        "attn_v": (kv_width, width),
        "attn_output": (width, width),
        "ffn_norm": (width,),
        "ffn_gate": (shape.feed_forward, width),
        "ffn_up": (shape.feed_forward, width),
        "ffn_down": (width, shape.feed_forward),
    }
    layers = {
        f"blk.{number}.{name}.weight": size
        for number in range(shape.layers)
        for name, size in layer.items()
    }
    table = (shape.vocabulary, width)
    ends = {"output_norm.weight": (width,), "output.weight": table}
    return {"token_embd.weight": table, **layers, **ends}


def write(
    path: Path,
    *,
    name: str,
    shape: Shape,
    vocabulary: Vocabulary | SentencePieces,
    pre_tokenizer: str,
    weights: Mapping[str, NDArray[np.float32] | NDArray[np.float16]],
    architecture: str = "llama",
    facts: Mapping[str, float] | None = None,
) -> None:
    """Writes the file, in place: give a temporary path where it must be whole or absent.

    Args:
        path: of the file.
        name: becomes `general.name`; engines look into it, so keep it neutral.
        shape: what every architecture says of itself.
        vocabulary: of the tokenizer.
        pre_tokenizer: as llama.cpp names it.
        weights: in the order of the file; the matrices F32 or F16, the norms F32.
        architecture: as llama.cpp names it.
        facts: what this architecture says besides, such as `expert_count`: integers as UINT32,
            others as FLOAT32.
    """
    writer = GGUFWriter(path, architecture)
    halves = weights["token_embd.weight"].dtype == np.float16
    writer.add_name(name)
    writer.add_file_type(LlamaFileType.MOSTLY_F16 if halves else LlamaFileType.ALL_F32)
    _add_shape(writer, shape)
    for key, value in (facts or {}).items():
        if isinstance(value, int):
            writer.add_uint32(f"{architecture}.{key}", value)
        else:
            writer.add_float32(f"{architecture}.{key}", value)
    writer.add_tokenizer_model("gpt2" if isinstance(vocabulary, Vocabulary) else "llama")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(vocabulary.tokens)
    if isinstance(vocabulary, Vocabulary):
        _add_merges(writer, vocabulary)
    else:
        _add_scores(writer, vocabulary)
    writer.add_chat_template(CHATML)
    for tensor, values in weights.items():
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    if shape.heads:
        writer.add_head_count_kv(shape.kv_heads)
        writer.add_key_length(shape.head_size)
        writer.add_value_length(shape.head_size)
        writer.add_rope_dimension_count(shape.head_size)
        writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)


def _add_merges(writer: GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_token_types(
        [
            TokenType.CONTROL if token in SPECIALS else TokenType.NORMAL
            for token in vocabulary.tokens
        ]
    )
    writer.add_token_merges([f"{left} {right}" for left, right in vocabulary.merges])
    writer.add_bos_token_id(vocabulary.id_of(END_OF_TEXT))
    writer.add_eos_token_id(vocabulary.id_of(END_OF_TURN))
    writer.add_pad_token_id(vocabulary.id_of(END_OF_TEXT))
    writer.add_add_bos_token(False)


def _add_scores(writer: GGUFWriter, vocabulary: SentencePieces) -> None:
    writer.add_token_types(vocabulary.types)
    writer.add_token_scores(vocabulary.scores)
    writer.add_unk_token_id(vocabulary.id_of("<unk>"))
    writer.add_bos_token_id(vocabulary.id_of("<s>"))
    writer.add_eos_token_id(vocabulary.id_of("</s>"))
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(True)
