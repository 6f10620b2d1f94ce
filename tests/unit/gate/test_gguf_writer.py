from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFReader

from engine_ci.gate import gguf_writer
from engine_ci.gate.gguf_writer import weight_shapes
from engine_ci.gate.vocabulary import CHATML
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path


def facts(path: Path) -> dict[str, object]:
    return {key: entry.contents() for key, entry in GGUFReader(path).fields.items()}


def test_a_reader_finds_the_shape_and_the_tokenizer(tmp_path: Path) -> None:
    found = facts(tiny.write(tmp_path / "model.gguf"))

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

    found = facts(tmp_path / "model.gguf")

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

    found = facts(tmp_path / "model.gguf")

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

    found = facts(tmp_path / "model.gguf")

    assert [key for key in found if "attention" in key or "rope" in key] == [
        "mamba2.attention.head_count",
        "mamba2.attention.layer_norm_rms_epsilon",
    ]
    assert found["mamba2.attention.head_count"] == 0


def test_specials_are_marked_as_control_tokens(tmp_path: Path) -> None:
    types = facts(tiny.write(tmp_path / "model.gguf"))["tokenizer.ggml.token_type"]

    assert types == [1] * 257 + [3] * 3


def test_a_reader_finds_the_weights_in_the_order_of_their_shapes(tmp_path: Path) -> None:
    weights = tiny.weights()

    tensors = GGUFReader(tiny.write(tmp_path / "model.gguf", weights)).tensors

    assert [tensor.name for tensor in tensors] == list(weight_shapes(tiny.SHAPE))
    for tensor in tensors:
        np.testing.assert_array_equal(tensor.data, weights[tensor.name])


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    first = tiny.write(tmp_path / "first.gguf").read_bytes()

    assert tiny.write(tmp_path / "second.gguf").read_bytes() == first


def test_the_file_says_whether_its_matrices_are_f16(tmp_path: Path) -> None:
    whole = tiny.weights()
    halves = {
        name: value.astype(np.float16) if value.ndim > 1 else value for name, value in whole.items()
    }

    types = [
        facts(tiny.write(tmp_path / "model.gguf", values))["general.file_type"]
        for values in (whole, halves)
    ]

    assert types == [0, 1]
