"""Writes a GGUF, byte for byte the same from the same values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from gguf import GGUFWriter, LlamaFileType

from engine_ci.gate.blocks import Packed
from engine_ci.gate.vocabulary import CHATML, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from engine_ci.gate.vocabulary import SentencePieces

Fact: TypeAlias = "bool | int | float | str | tuple[int, ...]"
Tensor: TypeAlias = "NDArray[np.float32] | NDArray[np.float16] | Packed"


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


def silence(table: Tensor, vocabulary: Vocabulary) -> None:
    """Makes the output table, in place, say nothing but printable ASCII: the other rows are 0."""
    rows = table.blocks if isinstance(table, Packed) else table
    rows[np.setdiff1d(np.arange(len(vocabulary)), vocabulary.printable)] = 0


def write(
    path: Path,
    *,
    name: str,
    shape: Shape,
    vocabulary: Vocabulary | SentencePieces,
    pre_tokenizer: str,
    weights: Mapping[str, Tensor],
    file_type: LlamaFileType = LlamaFileType.ALL_F32,
    architecture: str = "llama",
    facts: Mapping[str, Fact] | None = None,
    template: str = CHATML,
    tool_template: str | None = None,
) -> None:
    """Writes the file, in place: give a temporary path where it must be whole or absent.

    Args:
        path: of the file.
        name: becomes `general.name`; engines look into it, so keep it neutral.
        shape: what every architecture says of itself.
        vocabulary: of the tokenizer.
        pre_tokenizer: as llama.cpp names it.
        weights: in the order of the file; the norms F32.
        file_type: what it calls itself; engines show it, and look at the tensors.
        architecture: as llama.cpp names it.
        facts: what this architecture says besides, such as `expert_count`, or instead of what the
            shape says, such as one `attention.head_count_kv` for each layer.
        template: of its chats.
        tool_template: of those with tools on offer, where that is another.
    """
    writer = GGUFWriter(path, architecture)
    writer.add_name(name)
    writer.add_file_type(file_type)
    for key, fact in {**_facts(shape), **(facts or {})}.items():
        _add(writer, f"{architecture}.{key}", fact)
    writer.add_tokenizer_model("gpt2" if isinstance(vocabulary, Vocabulary) else "llama")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    if isinstance(vocabulary, Vocabulary):
        _add_merges(writer, vocabulary)
    else:
        _add_scores(writer, vocabulary)
    writer.add_chat_template(template)
    if tool_template is not None:
        writer.add_chat_template([{"name": "tool_use", "template": tool_template}])
    for tensor, values in weights.items():
        if isinstance(values, Packed):
            writer.add_tensor(tensor, values.blocks, raw_dtype=values.kind)
        else:
            writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _facts(shape: Shape) -> dict[str, Fact]:
    attention: dict[str, Fact] = {
        "attention.head_count_kv": shape.kv_heads,
        "attention.key_length": shape.head_size,
        "attention.value_length": shape.head_size,
        "rope.dimension_count": shape.head_size,
        "rope.freq_base": shape.rope_base,
    }
    return {
        "vocab_size": shape.vocabulary,
        "context_length": shape.context,
        "embedding_length": shape.width,
        "block_count": shape.layers,
        "feed_forward_length": shape.feed_forward,
        "attention.head_count": shape.heads,
        **(attention if shape.heads else {}),
        "attention.layer_norm_rms_epsilon": shape.epsilon,
    }


def _add(writer: GGUFWriter, key: str, fact: Fact) -> None:
    """Integers as UINT32, those of an array as INT32, as converters do."""
    match fact:
        case bool():
            writer.add_bool(key, fact)
        case int():
            writer.add_uint32(key, fact)
        case float():
            writer.add_float32(key, fact)
        case str():
            writer.add_string(key, fact)
        case _:
            writer.add_array(key, fact)


def _add_merges(writer: GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_token_merges([f"{left} {right}" for left, right in vocabulary.merges])
    begin, end = (vocabulary.id_of(vocabulary.specials[place]) for place in (0, -1))
    writer.add_bos_token_id(begin)
    writer.add_eos_token_id(end)
    writer.add_pad_token_id(begin)
    writer.add_add_bos_token(False)


def _add_scores(writer: GGUFWriter, vocabulary: SentencePieces) -> None:
    writer.add_token_scores(vocabulary.scores)
    writer.add_unk_token_id(vocabulary.id_of("<unk>"))
    writer.add_bos_token_id(vocabulary.id_of("<s>"))
    writer.add_eos_token_id(vocabulary.id_of("</s>"))
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(True)
