"""An encoder's parts are what they say: what vanishes where it should, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.gate import reference, zoo
from engine_ci.gate.vectors import TOLERANCE

if TYPE_CHECKING:
    from engine_ci.gate.networks import Model, Values

TOKENS = [215, 7, 30, 101, 7]
BACKWARDS = TOKENS[::-1]


def load(name: str) -> Model:
    return reference.load(zoo.data_root() / "fixtures" / "zoo" / f"embedding-{name}.gguf")


@pytest.fixture
def bert() -> Model:
    return load("bert")


@pytest.fixture
def nomic() -> Model:
    return load("nomic-bert")


def with_weights(model: Model, changes: dict[str, Values]) -> Model:
    return replace(model, weights={**model.weights, **changes})


def with_fact(model: Model, key: str, value: float) -> Model:
    return replace(model, facts={**model.facts, f"{model.architecture}.{key}": value})


def same(one: Values, other: Values) -> bool:
    return bool(np.abs(one - other).max() < TOLERANCE)


@pytest.mark.parametrize("name", ["bert", "nomic-bert"])
def test_a_vector_is_of_length_1_and_of_the_width(name: str) -> None:
    vector = reference.embedding(load(name), TOKENS)

    assert vector.shape == (64,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", ["bert", "nomic-bert"])
def test_the_order_of_the_tokens_counts(name: str) -> None:
    model = load(name)

    assert not same(reference.embedding(model, TOKENS), reference.embedding(model, BACKWARDS))


def test_without_its_table_of_positions_bert_does_not_know_the_order(bert: Model) -> None:
    table = bert.weights["position_embd.weight"]
    model = with_weights(bert, {"position_embd.weight": np.zeros_like(table)})

    assert same(reference.embedding(model, TOKENS), reference.embedding(model, BACKWARDS))


def test_what_rotates_leaves_a_single_token_as_it_is(nomic: Model) -> None:
    moved = with_fact(nomic, "rope.freq_base", 9)

    assert same(reference.embedding(nomic, [7]), reference.embedding(moved, [7]))
    assert not same(reference.embedding(nomic, TOKENS), reference.embedding(moved, TOKENS))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_where_all_is_alike_every_token_takes_the_same_from_all(bert: Model, place: int) -> None:
    even = {
        name: np.zeros_like(value)
        for name, value in bert.weights.items()
        if "attn_q" in name or "position" in name
    }
    model, tokens = with_weights(bert, even), [9, 9, 9]
    tokens[place] = 30

    # The mean does not tell which of three was the other one, unless some see less than others.
    assert same(reference.embedding(model, tokens), reference.embedding(model, [9, 9, 30]))


def test_three_matrices_of_attention_are_one_that_is_cut_in_three(nomic: Model) -> None:
    apart = dict(nomic.weights)
    for layer in range(2):
        parts = np.split(apart.pop(f"blk.{layer}.attn_qkv.weight"), 3)
        for letter, part in zip("qkv", parts, strict=True):
            apart[f"blk.{layer}.attn_{letter}.weight"] = part

    found = reference.embedding(replace(nomic, weights=apart), TOKENS)

    np.testing.assert_array_equal(found, reference.embedding(nomic, TOKENS))


def test_the_type_of_a_text_is_the_first(bert: Model) -> None:
    types = bert.weights["token_types.weight"]
    other = with_weights(bert, {"token_types.weight": np.stack([types[0], 2 * types[1]])})
    moved = with_weights(bert, {"token_types.weight": types[::-1]})

    assert same(reference.embedding(other, TOKENS), reference.embedding(bert, TOKENS))
    assert not same(reference.embedding(moved, TOKENS), reference.embedding(bert, TOKENS))


@pytest.mark.parametrize("name", ["bert", "nomic-bert"])
def test_norms_take_the_mean_away(name: str) -> None:
    model = load(name)
    table = model.weights["token_embd.weight"]

    found = reference.embedding(with_weights(model, {"token_embd.weight": table + 3}), TOKENS)

    np.testing.assert_allclose(found, reference.embedding(model, TOKENS), atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "nomic-bert"])
def test_without_a_last_norm_there_is_only_its_bias(name: str) -> None:
    model = load(name)
    weight = np.zeros_like(model.weights["blk.1.layer_output_norm.weight"])
    bias = np.arange(64, dtype=np.float32)
    last = {"blk.1.layer_output_norm.weight": weight, "blk.1.layer_output_norm.bias": bias}

    found = reference.embedding(with_weights(model, last), TOKENS)

    np.testing.assert_allclose(found, bias / np.linalg.norm(bias), rtol=1e-5)


def test_a_gate_that_is_closed_lets_nothing_through(nomic: Model) -> None:
    closed = {
        name: np.zeros_like(value) for name, value in nomic.weights.items() if "ffn_gate" in name
    }
    without = {
        name: np.zeros_like(value) for name, value in nomic.weights.items() if "ffn_down" in name
    }

    one, other = (
        reference.embedding(with_weights(nomic, part), TOKENS) for part in (closed, without)
    )

    np.testing.assert_array_equal(one, other)
