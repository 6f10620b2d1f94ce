from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_ci.errors import UnsupportedError
from engine_ci.gate import reference
from engine_ci.gate.networks import Cache, Model
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from engine_ci.gate.gguf_writer import Shape

Vector = list[float]
tokens = st.lists(st.integers(0, len(tiny.VOCABULARY) - 1), min_size=2, max_size=9)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return reference.load(tiny.write(tmp_path_factory.mktemp("model") / "tiny.gguf"))


def dot(left: Vector, right: Vector) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


class WrittenOut:
    """The definition of a llama, one token and one value at a time, in float64."""

    def __init__(
        self, shape: Shape, weights: dict[str, NDArray[np.float32]], *, rotated: int
    ) -> None:
        self.shape = shape
        self.rotated = rotated
        self.weights = {name: value.tolist() for name, value in weights.items()}
        self.keys: list[list[list[Vector]]] = [[] for _ in range(shape.layers)]
        self.values: list[list[list[Vector]]] = [[] for _ in range(shape.layers)]

    def times(self, name: str, vector: Vector) -> Vector:
        return [dot(row, vector) for row in self.weights[f"{name}.weight"]]

    def norm(self, name: str, vector: Vector) -> Vector:
        weight = self.weights[f"{name}.weight"]
        size = math.sqrt(dot(vector, vector) / len(vector) + self.shape.epsilon)
        return [value / size * by for value, by in zip(vector, weight, strict=True)]

    def heads(self, vector: Vector) -> list[Vector]:
        size = self.shape.head_size
        return [vector[start : start + size] for start in range(0, len(vector), size)]

    def turned(self, vector: Vector, position: int) -> Vector:
        turned: Vector = []
        for start in range(0, self.rotated, 2):
            angle = position * self.shape.rope_base ** (-start / self.rotated)
            value = complex(vector[start], vector[start + 1]) * complex(
                math.cos(angle), math.sin(angle)
            )
            turned += [value.real, value.imag]
        return turned + vector[self.rotated :]

    def attention(self, layer: int, vector: Vector, position: int) -> Vector:
        name, mixed = f"blk.{layer}.attn", list[float]()
        queries, keys, values = (self.heads(self.times(f"{name}_{part}", vector)) for part in "qkv")
        self.keys[layer].append([self.turned(key, position) for key in keys])
        self.values[layer].append(values)
        for head, query in enumerate(queries):
            shared = head * self.shape.kv_heads // self.shape.heads
            turned = self.turned(query, position)
            raised = [
                math.exp(dot(turned, key[shared]) / math.sqrt(len(turned)))
                for key in self.keys[layer]
            ]
            for place in range(len(query)):
                total = sum(
                    by * value[shared][place]
                    for by, value in zip(raised, self.values[layer], strict=True)
                )
                mixed.append(total / sum(raised))
        return self.times(f"{name}_output", mixed)

    def forget(self, keep: int, discard: int) -> None:
        for keys, values in zip(self.keys, self.values, strict=True):
            del keys[keep : keep + discard], values[keep : keep + discard]
            keys[keep:] = [[self.turned(head, -discard) for head in key] for key in keys[keep:]]

    def feed_forward(self, layer: int, vector: Vector) -> Vector:
        gate = self.times(f"blk.{layer}.ffn_gate", vector)
        up = self.times(f"blk.{layer}.ffn_up", vector)
        product = [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up, strict=True)]
        return self.times(f"blk.{layer}.ffn_down", product)

    def feed(self, token: int, position: int) -> Vector:
        hidden: Vector = self.weights["token_embd.weight"][token]
        for layer in range(self.shape.layers):
            for part, norm in (
                (lambda at, v: self.attention(at, v, position), "attn_norm"),
                (self.feed_forward, "ffn_norm"),
            ):
                change = part(layer, self.norm(f"blk.{layer}.{norm}", hidden))
                hidden = [a + b for a, b in zip(hidden, change, strict=True)]
        logits = self.times("output", self.norm("output_norm", hidden))
        total = math.log(sum(math.exp(logit) for logit in logits))
        return [logit - total for logit in logits]


@settings(max_examples=15, deadline=None)
@given(
    given_tokens=tokens,
    heads=st.sampled_from([(1, 1), (2, 1), (2, 2), (4, 1), (4, 2)]),
    part=st.sampled_from([1, 2]),
    seed=st.integers(0, 3),
)
def test_it_agrees_with_the_definition_written_out_value_by_value(
    tmp_path_factory: pytest.TempPathFactory,
    given_tokens: list[int],
    heads: tuple[int, int],
    part: int,
    seed: int,
) -> None:
    shape = replace(tiny.SHAPE, heads=heads[0], kv_heads=heads[1])
    weights = tiny.weights(shape, seed=seed)
    rotated = max(2, shape.head_size // part)
    written_out = WrittenOut(shape, weights, rotated=rotated)
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    loaded = reference.load(tiny.write(path, weights, shape=shape))
    facts = {**loaded.facts, "llama.rope.dimension_count": rotated}

    found = reference.log_probabilities(replace(loaded, facts=facts), given_tokens)

    expected = [written_out.feed(token, place) for place, token in enumerate(given_tokens)]
    np.testing.assert_allclose(found, expected, atol=2e-4)


@settings(max_examples=15, deadline=None)
@given(
    given_tokens=st.lists(st.integers(0, len(tiny.VOCABULARY) - 1), min_size=1, max_size=15),
    context=st.integers(6, 8),
    keep=st.integers(0, 3),
)
def test_past_the_context_half_of_what_is_not_kept_is_forgotten_and_the_rest_moves_up(
    model: Model, given_tokens: list[int], context: int, keep: int
) -> None:
    written_out = WrittenOut(tiny.SHAPE, tiny.weights(), rotated=tiny.SHAPE.head_size)
    expected, place = [], 0
    for token in given_tokens:
        if place == context - 1:
            discard = (place - keep) // 2
            written_out.forget(keep, discard)
            place -= discard
        expected.append(written_out.feed(token, place))
        place += 1

    found = reference.overflowing(model, given_tokens, context=context, keep=keep)

    np.testing.assert_allclose(found, expected, atol=2e-4)


@settings(max_examples=20, deadline=None)
@given(given_tokens=tokens, cut=st.integers(1, 8))
def test_with_a_cache_the_parts_of_a_text_give_what_the_whole_gives(
    model: Model, given_tokens: list[int], cut: int
) -> None:
    cut = min(cut, len(given_tokens) - 1)
    cache = Cache()

    parts = [
        reference.log_probabilities(model, part, cache)
        for part in (given_tokens[:cut], given_tokens[cut:])
    ]

    whole = reference.log_probabilities(model, given_tokens)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_every_row_is_a_distribution(model: Model) -> None:
    rows = reference.log_probabilities(model, [5, 6, 7])

    np.testing.assert_allclose(np.exp(rows).sum(axis=1), [1, 1, 1], rtol=1e-5)


def test_an_output_that_the_file_lacks_is_the_embedding(model: Model) -> None:
    weights = {name: value for name, value in model.weights.items() if name != "output.weight"}
    tied = Model(architecture="llama", facts=model.facts, weights=weights)
    copied = {**weights, "output.weight": weights["token_embd.weight"]}
    untied = Model(architecture="llama", facts=model.facts, weights=copied)

    found = reference.log_probabilities(tied, [1, 2, 3])

    np.testing.assert_array_equal(found, reference.log_probabilities(untied, [1, 2, 3]))


def test_a_very_negative_gate_closes_without_a_warning(model: Model) -> None:
    weights = {
        name: value * 100 if "ffn" in name else value for name, value in model.weights.items()
    }
    steep = Model(architecture="llama", facts=model.facts, weights=weights)

    assert np.isfinite(reference.log_probabilities(steep, [1, 2, 3])).all()


def test_greedy_takes_the_most_probable_token_at_each_step(model: Model) -> None:
    rows = list(reference.greedy(model, [1, 2, 3], limit=5))

    chosen = [int(row.argmax()) for row in rows]
    forced = reference.log_probabilities(model, [1, 2, 3, *chosen[:-1]])[2:]
    assert len(rows) == 5
    np.testing.assert_allclose(rows, forced, atol=1e-4)


def test_greedy_ends_with_the_row_that_chooses_an_end(model: Model) -> None:
    third = [int(row.argmax()) for row in reference.greedy(model, [1, 2, 3], limit=3)]

    rows = list(reference.greedy(model, [1, 2, 3], limit=9, until={third[2]}))

    assert len(rows) == third.index(third[2]) + 1


def test_top_gives_the_lower_id_first_among_equals() -> None:
    row = np.array([-3, -1, -2, -1], dtype=np.float32)

    assert reference.top(row, 3) == [(1, -1.0), (3, -1.0), (2, -2.0)]


def test_there_are_as_many_tokens_as_are_embedded(model: Model) -> None:
    assert model.vocabulary == len(tiny.VOCABULARY)


def test_the_end_of_turn_is_the_files_own(model: Model) -> None:
    assert tiny.VOCABULARY.tokens[model.end_of_turn] == "<|im_end|>"


def test_half_precision_weights_are_widened(tmp_path: Path) -> None:
    weights = tiny.weights()
    halves = {name: v.astype(np.float16) if v.ndim > 1 else v for name, v in weights.items()}

    found = reference.load(tiny.write(tmp_path / "half.gguf", halves))

    assert {value.dtype for value in found.weights.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(
        found.weights["output.weight"], halves["output.weight"].astype(np.float32)
    )


def test_quantised_weights_are_dequantised(tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
    writer = GGUFWriter(tmp_path / "quantised.gguf", "llama")
    writer.add_block_count(0)
    writer.add_tensor(
        "output.weight",
        quantize(values, GGMLQuantizationType.Q8_0),
        raw_dtype=GGMLQuantizationType.Q8_0,
    )
    finish(writer)

    found = reference.load(tmp_path / "quantised.gguf")

    np.testing.assert_allclose(found.weights["output.weight"], values, atol=5e-3)


def test_a_matrix_multiplies_what_its_type_makes_of_the_values(model: Model) -> None:
    halves = replace(model, kinds=dict.fromkeys(model.weights, GGMLQuantizationType.F16))
    values = np.array([[1.0001] + [0.0] * 7], dtype=np.float32)

    exact, rounded = (each.product("blk.0.attn_q.weight", values) for each in (model, halves))

    np.testing.assert_array_equal(exact, values @ model.weights["blk.0.attn_q.weight"].T)
    np.testing.assert_array_equal(rounded, model.weights["blk.0.attn_q.weight"][:, 0][None])
    assert (model.rounds, halves.rounds) == (False, True)


def test_the_types_of_the_file_are_kept(tmp_path: Path) -> None:
    weights = tiny.weights()
    halves = {name: v.astype(np.float16) if v.ndim > 1 else v for name, v in weights.items()}

    found = reference.load(tiny.write(tmp_path / "half.gguf", halves))

    assert found.kinds["output.weight"] == GGMLQuantizationType.F16
    assert found.kinds["output_norm.weight"] == GGMLQuantizationType.F32


def test_a_type_that_engines_may_multiply_otherwise_is_refused(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "other.gguf", "llama")
    writer.add_block_count(0)
    values = np.ones((2, 32), dtype=np.float32)
    kind = GGMLQuantizationType.Q5_1
    writer.add_tensor("output.weight", quantize(values, kind), raw_dtype=kind)
    finish(writer)

    with pytest.raises(UnsupportedError, match=r"the reference does not know type Q5_1"):
        reference.load(tmp_path / "other.gguf")


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    finish(GGUFWriter(tmp_path / "other.gguf", "rwkv"))

    with pytest.raises(
        UnsupportedError, match=r"other.gguf: the reference knows llama, .*, not rwkv"
    ):
        reference.load(tmp_path / "other.gguf")


def test_a_tensor_that_the_mathematics_would_ignore_is_refused(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "biased.gguf", "llama")
    writer.add_block_count(1)
    writer.add_tensor("blk.0.attn_q.bias", np.zeros(8, dtype=np.float32))
    finish(writer)

    with pytest.raises(UnsupportedError, match=r"has no use for blk.0.attn_q.bias"):
        reference.load(tmp_path / "biased.gguf")


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
