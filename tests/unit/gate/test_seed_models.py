from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, LlamaFileType

from engine_ci.gate import reference, seed_models, zoo
from engine_ci.gate.gguf_writer import weight_shapes
from engine_ci.gate.seed_models import RECIPES

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.gate.seed_models import Recipe

SMALL = {
    name: replace(
        recipe, shape=replace(recipe.shape, width=256, heads=4, kv_heads=2, feed_forward=256)
    )
    for name, recipe in RECIPES.items()
}
each = pytest.mark.parametrize("small", SMALL.values(), ids=lambda recipe: recipe.name)


def parameters(name: str) -> int:
    return sum(int(np.prod(size)) for size in weight_shapes(RECIPES[name].shape).values())


def test_the_one_for_speed_has_about_20_million_parameters() -> None:
    assert 19e6 < parameters("performance") < 21e6


def test_the_wide_one_has_rows_and_heads_as_models_in_use() -> None:
    shape = RECIPES["wide"].shape

    assert (shape.width, shape.head_size, shape.heads // shape.kv_heads) == (2048, 128, 4)
    assert 90e6 < parameters("wide") < 95e6


def test_a_catalogue_can_name_every_recipe() -> None:
    (_, field, _) = zoo.WrittenFromSeed.model_fields.values()

    assert get_args(field.annotation) == tuple(seed_models.WRITERS)


@each
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, small: Recipe
) -> None:
    def written(name: str, seed: int) -> bytes:
        seed_models.write(tmp_path / name, small, seed=seed)
        return (tmp_path / name).read_bytes()

    first = written("first", 1)

    assert written("again", 1) == first
    assert written("other", 2) != first


@each
def test_it_says_printable_ascii_only(tmp_path: Path, small: Recipe) -> None:
    seed_models.write(tmp_path / "model.gguf", small, seed=1)

    rows = reference.greedy(reference.load(tmp_path / "model.gguf"), [65, 66, 67], limit=40)

    assert {int(row.argmax()) for row in rows} <= set(seed_models.VOCABULARY.printable)


def test_the_wide_one_is_the_mix_that_llama_cpp_makes(tmp_path: Path) -> None:
    seed_models.write(tmp_path / "model.gguf", SMALL["wide"], seed=1)

    reader = GGUFReader(tmp_path / "model.gguf")

    kinds = {tensor.name: tensor.tensor_type for tensor in reader.tensors if len(tensor.shape) > 1}
    assert {name for name, kind in kinds.items() if kind == Kind.Q6_K} == {
        "blk.1.attn_v.weight",
        "blk.1.ffn_down.weight",
        "output.weight",
    }
    assert set(kinds.values()) == {Kind.Q4_K, Kind.Q6_K}
    assert reader.fields["general.file_type"].contents() == LlamaFileType.MOSTLY_Q4_K_M
