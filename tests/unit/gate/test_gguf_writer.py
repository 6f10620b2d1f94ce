from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, LlamaFileType

from engine_ci.gate import blocks, gguf_writer
from engine_ci.gate.gguf_writer import weight_shapes
from engine_ci.gate.vocabulary import CHATML, SentencePieces
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path


def test_a_reader_finds_the_shape_and_the_tokenizer(tmp_path: Path) -> None:
    found = tiny.facts(tiny.write(tmp_path / "model.gguf"))

    assert found["general.architecture"] == "llama"
    assert found["general.name"] == "tiny"
    assert found["llama.attention.head_count_kv"] == 2
    assert found["llama.rope.dimension_count"] == 2
    assert found["tokenizer.ggml.pre"] == "gpt-2"
    assert found["tokenizer.ggml.tokens"] == list(tiny.VOCABULARY.tokens)
    assert found["tokenizer.ggml.merges"] == ["t h"]
    assert found["tokenizer.ggml.add_bos_token"] is False
    assert found["tokenizer.chat_template"] == CHATML


def test_an_architecture_names_its_facts_after_itself(tmp_path: Path) -> None:
    gguf_writer.write(
        tmp_path / "model.gguf",
        name="tiny",
        shape=tiny.SHAPE,
        vocabulary=tiny.VOCABULARY,
        pre_tokenizer="gpt-2",
        weights=tiny.weights(),
        architecture="gemma2",
        facts={"attention.sliding_window": 32, "final_logit_softcapping": 30.0},
    )

    found = tiny.facts(tmp_path / "model.gguf")

    assert found["general.architecture"] == "gemma2"
    assert found["gemma2.block_count"] == 2
    assert found["gemma2.attention.sliding_window"] == 32
    assert found["gemma2.final_logit_softcapping"] == 30.0


def test_a_fact_of_its_own_stands_where_the_shape_has_another(tmp_path: Path) -> None:
    gguf_writer.write(
        tmp_path / "model.gguf",
        name="tiny",
        shape=tiny.SHAPE,
        vocabulary=tiny.VOCABULARY,
        pre_tokenizer="gpt-2",
        weights=tiny.weights(),
        architecture="granitehybrid",
        facts={"attention.head_count_kv": (0, 2), "rope.scaling.finetuned": False},
    )

    found = tiny.facts(tmp_path / "model.gguf")

    assert found["granitehybrid.attention.head_count_kv"] == [0, 2]
    assert found["granitehybrid.rope.scaling.finetuned"] is False
    assert found["granitehybrid.attention.head_count"] == 4


def test_a_model_without_heads_says_nothing_of_attention_but_that(tmp_path: Path) -> None:
    shape = replace(tiny.SHAPE, heads=0, kv_heads=0)
    gguf_writer.write(
        tmp_path / "model.gguf",
        name="tiny",
        shape=shape,
        vocabulary=tiny.VOCABULARY,
        pre_tokenizer="gpt-2",
        weights={"token_embd.weight": np.zeros((1, 8), dtype=np.float32)},
        architecture="mamba2",
    )

    found = tiny.facts(tmp_path / "model.gguf")

    assert [key for key in found if "attention" in key or "rope" in key] == [
        "mamba2.attention.head_count",
        "mamba2.attention.layer_norm_rms_epsilon",
    ]
    assert found["mamba2.attention.head_count"] == 0


def test_specials_are_marked_as_control_tokens(tmp_path: Path) -> None:
    types = tiny.facts(tiny.write(tmp_path / "model.gguf"))["tokenizer.ggml.token_type"]

    assert types == [1] * 257 + [3] * 3


def test_sentence_pieces_have_scores_in_place_of_merges(tmp_path: Path) -> None:
    vocabulary = SentencePieces(merges=(("t", "h"),), characters=("t", "h"))
    gguf_writer.write(
        tmp_path / "model.gguf",
        name="tiny",
        shape=tiny.SHAPE,
        vocabulary=vocabulary,
        pre_tokenizer="default",
        weights=tiny.weights(),
    )

    found = tiny.facts(tmp_path / "model.gguf")

    assert found["tokenizer.ggml.model"] == "llama"
    assert found["tokenizer.ggml.pre"] == "default"
    assert found["tokenizer.ggml.tokens"] == list(vocabulary.tokens)
    assert found["tokenizer.ggml.token_type"] == [2, 3, 3] + [6] * 256 + [1] * 3
    assert found["tokenizer.ggml.scores"] == [0.0] * 259 + [0.0, -1.0, -2.0]
    ids = ("unknown", "bos", "eos")
    assert [found[f"tokenizer.ggml.{name}_token_id"] for name in ids] == [0, 1, 2]
    assert found["tokenizer.ggml.add_bos_token"] is True
    assert found["tokenizer.ggml.add_space_prefix"] is True
    assert "tokenizer.ggml.merges" not in found


def test_a_reader_finds_the_weights_in_the_order_of_their_shapes(tmp_path: Path) -> None:
    weights = tiny.weights()

    tensors = GGUFReader(tiny.write(tmp_path / "model.gguf", weights)).tensors

    assert [tensor.name for tensor in tensors] == list(weight_shapes(tiny.SHAPE))
    for tensor in tensors:
        np.testing.assert_array_equal(tensor.data, weights[tensor.name])


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    first = tiny.write(tmp_path / "first.gguf").read_bytes()

    assert tiny.write(tmp_path / "second.gguf").read_bytes() == first


def test_the_file_says_its_mix_of_types_and_a_reader_finds_them(tmp_path: Path) -> None:
    drawn = blocks.draw("table", (3, 256), kind=Kind.Q6_K, deviation=1.0)
    gguf_writer.write(
        tmp_path / "model.gguf",
        name="tiny",
        shape=tiny.SHAPE,
        vocabulary=tiny.VOCABULARY,
        pre_tokenizer="gpt-2",
        weights={"token_embd.weight": drawn, "output_norm.weight": np.ones(8, dtype=np.float32)},
        file_type=LlamaFileType.MOSTLY_Q6_K,
    )

    table, norm = GGUFReader(tmp_path / "model.gguf").tensors

    assert tiny.facts(tmp_path / "model.gguf")["general.file_type"] == LlamaFileType.MOSTLY_Q6_K
    assert (table.tensor_type, table.shape.tolist()) == (Kind.Q6_K, [256, 3])
    np.testing.assert_array_equal(table.data, drawn.blocks)
    assert norm.tensor_type == Kind.F32
