from __future__ import annotations

from functools import cache

import pytest

from engine_ci.gate import operations, zoo
from engine_ci.gate.asking import Mode

SENSITIVE = tuple(
    model.name
    for model in zoo.load_catalogue()
    if model.role == "sensitive" and isinstance(model.source, zoo.ShippedFile)
)
WINDOWED = {"sensitive-gemma2", "sensitive-gemma3", "sensitive-gpt-oss"}
NO_ATTENTION = {"sensitive-mamba", "sensitive-mamba2"}
LLAMAS = {"sensitive", "sensitive-llama3", "sensitive-mixtral"}
# The zoo as it was when this was written; more members may come, and must not change these.
KNOWN = {
    *WINDOWED,
    *NO_ATTENTION,
    *LLAMAS,
    "sensitive-qwen2",
    "sensitive-qwen3",
    "sensitive-qwen3moe",
    "sensitive-phi3",
}
EXPERTS = {"sensitive-mixtral", "sensitive-qwen3moe", "sensitive-gpt-oss"}


@cache
def marks_of(name: str) -> operations.Marks:
    return operations.marks(zoo.data_root() / "fixtures" / "zoo" / f"{name}.gguf")


@pytest.mark.parametrize(
    ("feature", "models"),
    [
        ("attention or its mask", KNOWN - NO_ATTENTION),
        ("RoPE", KNOWN - NO_ATTENTION),
        ("RoPE of neighbours", LLAMAS),
        ("RoPE of halves", KNOWN - NO_ATTENTION - LLAMAS),
        ("RoPE with a factor for each pair", {"sensitive-llama3", "sensitive-phi3"}),
        ("scaled RoPE", {"sensitive-gemma3", "sensitive-gpt-oss"}),
        ("sliding window", WINDOWED),
        ("biases of Q, K and V", {"sensitive-qwen2", "sensitive-gpt-oss"}),
        ("norms of heads", {"sensitive-qwen3", "sensitive-qwen3moe", "sensitive-gemma3"}),
        ("one matrix for Q, K and V", {"sensitive-phi3"}),
        ("attention sinks", {"sensitive-gpt-oss"}),
        ("soft caps", {"sensitive-gemma2"}),
        ("dense feed-forward", KNOWN - NO_ATTENTION - EXPERTS),
        ("experts", EXPERTS),
        ("post-norms, GELU or the scale of embeddings", {"sensitive-gemma2", "sensitive-gemma3"}),
        ("state space or its convolution", NO_ATTENTION),
        ("gated delta net", set()),
        ("short convolution", set()),
        ("more than 1,000 tokens", set()),
        ("graph of llama", LLAMAS),
        ("graph of mamba2", {"sensitive-mamba2"}),
        ("kernels for F32", KNOWN),
    ],
)
def test_the_file_of_a_model_tells_which_operations_it_needs(
    feature: str, models: set[str]
) -> None:
    all_marks = {name: marks_of(name) for name in SENSITIVE}
    (found,) = (one for one in operations.features(all_marks.values()) if one.name == feature)

    assert {name for name in KNOWN if found.is_of(all_marks[name])} == models


def test_every_feature_of_the_table_stands_in_the_test_of_it() -> None:
    (parameters,) = (
        mark.args[1]
        for mark in test_the_file_of_a_model_tells_which_operations_it_needs.pytestmark  # type: ignore[attr-defined] # pytest's own
    )

    assert {feature.name for feature in operations.FEATURES} <= {name for name, _ in parameters}


def test_a_position_table_stands_in_for_rope() -> None:
    (rope,) = (feature for feature in operations.FEATURES if feature.name == "RoPE")

    assert rope.is_of(frozenset({"rope.freq_base"}))
    assert not rope.is_of(frozenset({"rope.freq_base", "position_embd"}))


def test_every_mode_but_the_plain_one_is_the_only_place_of_something() -> None:
    alone = {place.modes for place in operations.PLACES if len(place.modes) == 1}

    assert alone == {frozenset({mode}) for mode in Mode if mode is not Mode.STRICT}
