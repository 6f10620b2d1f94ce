from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.errors import UnsupportedError
from engine_ci.gate import goldens, pictures, recording, reference, seeing, zoo
from engine_ci.gate.seeing import Message

if TYPE_CHECKING:
    from engine_ci.gate.pictures import PictureGolden

ZOO = zoo.data_root() / "fixtures" / "zoo"
PROJECTOR, LANGUAGE = ZOO / "projector-gemma3.gguf", ZOO / "sensitive-gemma3.gguf"
GOLDEN = zoo.golden_folder() / "projector-gemma3.json"


@pytest.fixture(scope="module")
def golden() -> PictureGolden:
    return pictures.load(GOLDEN)


def moved(golden: PictureGolden, *, by: float) -> PictureGolden:
    """One log-probability of the second glance, at its third step, is another."""
    first, second, *others = golden.glances
    one, two, three, *rest = second.steps
    top = (*three.top[:-1], (three.top[-1][0], three.top[-1][1] - by))
    steps = (one, two, three.model_copy(update={"top": top}), *rest)
    changed = second.model_copy(update={"steps": steps})
    return golden.model_copy(update={"glances": (first, changed, *others)})


def test_the_shipped_golden_holds_and_is_a_dump_of_itself(golden: PictureGolden) -> None:
    assert seeing.differences(PROJECTOR, LANGUAGE, golden) == ()
    assert goldens.dump(golden) == GOLDEN.read_text(encoding="utf-8")


def test_it_comes_out_the_same_again(golden: PictureGolden) -> None:
    again = seeing.record_again(PROJECTOR, LANGUAGE, golden)

    assert seeing.differences(PROJECTOR, LANGUAGE, again) == ()
    without = {"glances": ()}
    assert again.model_copy(update=without) == golden.model_copy(update=without)
    for one, other in zip(again.glances, golden.glances, strict=True):
        assert one.model_copy(update={"steps": ()}) == other.model_copy(update={"steps": ()})
        assert [step.token for step in one.steps] == [step.token for step in other.steps]


def test_what_is_recorded_is_what_the_reference_says_behind_a_picture() -> None:
    message = Message(id="a", texts=("", "x"), pictures=("1",), tokens=((65, 66), (67,)), limit=2)

    golden = seeing.record(PROJECTOR, LANGUAGE, [message], name="p", language_model="l")

    assert (golden.model, golden.language_model, golden.side, golden.each) == ("p", "l", 32, 16)
    ((glance, rows),) = seeing.expected(
        reference.load_projector(PROJECTOR), reference.load(LANGUAGE), golden
    )
    assert [step.token for step in glance.steps] == rows.argmax(axis=-1).tolist()
    assert max(part.max() for part in recording.distances(glance.steps, rows)) < 1e-5


def test_a_picture_changes_what_is_said(golden: PictureGolden) -> None:
    first, second, *_ = golden.glances

    assert (first.texts, first.tokens) == (second.texts, second.tokens)
    assert np.abs(first.steps[0].margin - second.steps[0].margin) > 0.01
    assert first.steps[1].token != second.steps[1].token


def test_a_log_probability_that_moved_is_named(golden: PictureGolden) -> None:
    (found,) = seeing.differences(PROJECTOR, LANGUAGE, moved(golden, by=0.02))

    assert found.startswith(
        "projector-gemma3, glance another, step 2: a log-probability moved by 0.0"
    )


@pytest.mark.parametrize(
    ("key", "name"), [("sha256", "projector-gemma3"), ("language_sha256", "sensitive-gemma3")]
)
def test_another_file_is_told_before_anything_is_computed(
    golden: PictureGolden, key: str, name: str
) -> None:
    other = golden.model_copy(update={key: "0" * 64})

    (found,) = seeing.differences(PROJECTOR, LANGUAGE, other)

    assert found.startswith(f"{name}: recorded from sha256 {'0' * 64}, the file has ")


def test_a_language_model_is_no_projector_and_a_projector_none() -> None:
    with pytest.raises(UnsupportedError, match="the reference knows clip, not gemma3"):
        reference.load_projector(LANGUAGE)
    with pytest.raises(UnsupportedError, match="not clip"):
        reference.load(PROJECTOR)


def test_paths_are_those_of_the_catalogue() -> None:
    found = {model.name: model.source for model in zoo.load_catalogue()}

    for path in (PROJECTOR, LANGUAGE):
        source = found[path.stem]
        assert isinstance(source, zoo.ShippedFile)
        assert Path(source.path).name == path.name
