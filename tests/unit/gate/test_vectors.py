from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine_ci.errors import GoldenError
from engine_ci.gate import goldens, reference, vectors, zoo

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.gate.vectors import VectorGolden

MODELS = [model for model in zoo.load_catalogue() if model.role == "embedding"]


def shipped(model: zoo.Model) -> tuple[Path, VectorGolden]:
    assert isinstance(model.source, zoo.ShippedFile)
    golden = vectors.load(zoo.golden_folder() / f"{model.name}.json")
    return zoo.data_root() / model.source.path, golden


def with_component(golden: VectorGolden, *, by: float) -> VectorGolden:
    first, *others = golden.passages
    vector = (first.vector[0] + by, *first.vector[1:])
    changed = first.model_copy(update={"vector": vector})
    return golden.model_copy(update={"passages": (changed, *others)})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_shipped_golden_holds_and_comes_out_the_same_again(model: zoo.Model) -> None:
    path, golden = shipped(model)

    assert vectors.differences(path, golden) == ()
    again = vectors.record_again(path, golden)
    for one, other in zip(again.passages, golden.passages, strict=True):
        np.testing.assert_allclose(one.vector, other.vector, atol=vectors.TOLERANCE)
    assert again.model_copy(update={"passages": ()}) == golden.model_copy(update={"passages": ()})


def test_a_golden_holds_what_the_reference_says() -> None:
    path, _ = shipped(MODELS[0])

    golden = vectors.record(path, [("a", None, (9, 10)), ("b", "x", (2, 11, 3))], name="m")

    (bare,), (text,) = golden.bare, golden.texts
    assert (bare.id, bare.tokens, text.id, text.text) == ("a", (9, 10), "b", "x")
    expected = reference.embedding(reference.load(path), (9, 10))
    np.testing.assert_allclose(bare.vector, expected, atol=1e-7)


def test_a_component_that_moved_is_named() -> None:
    path, golden = shipped(MODELS[0])

    (found,) = vectors.differences(path, with_component(golden, by=1e-4))

    assert found.startswith("embedding-bert, passage random-1: a component moved by 0.000")


def test_a_golden_of_another_file_is_no_golden_of_this_one() -> None:
    path, golden = shipped(MODELS[0])

    (found,) = vectors.differences(path, golden.model_copy(update={"sha256": "0" * 64}))

    assert found.startswith(f"embedding-bert: recorded from sha256 {'0' * 64}, the file has ")


def test_a_dump_is_read_back_and_has_a_line_for_each_passage(tmp_path: Path) -> None:
    _, golden = shipped(MODELS[0])
    (tmp_path / "golden.json").write_text(goldens.dump(golden), encoding="utf-8")

    assert vectors.load(tmp_path / "golden.json") == golden
    lines = (tmp_path / "golden.json").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('    {"id"') for line in lines) == len(golden.passages)


def passage(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a Passage
    return {"id": "a", "text": None, "tokens": [1], "vector": [0.6, 0.8], **changes}


@pytest.mark.parametrize(
    ("passages", "reason"),
    [
        ([], "passages"),
        ([passage(tokens=[])], "tokens"),
        ([passage(vector=[0.6, 0.9])], "the vector is not of length 1"),
        ([passage(), passage()], "two passages have the same id"),
        ([passage(), passage(id="b", vector=[0.6, 0.8, 0])], "how many components"),
    ],
)
def test_a_golden_is_sound_or_rejected(
    tmp_path: Path, passages: list[dict[str, Any]], reason: str
) -> None:
    value = {"schema": 1, "model": "m", "sha256": "0" * 64, "passages": passages}
    (tmp_path / "golden.json").write_text(json.dumps(value), encoding="utf-8")

    with pytest.raises(GoldenError, match=reason):
        vectors.load(tmp_path / "golden.json")
