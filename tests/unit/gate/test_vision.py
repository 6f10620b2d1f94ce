"""A projector's parts are what they say: what each patch sees, and where it ends up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.gate import pictures, reference, zoo
from engine_ci.gate.networks import vision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine_ci.gate.networks import Model, Values

SIDE = 32
GRID = 4  # tokens of a row, and of a column


@pytest.fixture(scope="module")
def projector() -> Model:
    return reference.load_projector(zoo.data_root() / "fixtures" / "zoo" / "projector-gemma3.gguf")


@pytest.fixture(scope="module")
def each_for_itself(projector: Model) -> Model:
    """Without what one patch takes from the others."""
    return silenced(projector, "attn_out")


def silenced(model: Model, part: str) -> Model:
    return replace(
        model,
        weights={name: value * (0 if part in name else 1) for name, value in model.weights.items()},
    )


def with_pixel(picture: NDArray[np.uint8], row: int, column: int) -> NDArray[np.uint8]:
    changed = picture.copy()
    changed[row, column] += 100
    return changed


def moved(model: Model, row: int, column: int) -> Values:
    """How far each token moves with one pixel."""
    picture = pictures.pixels("1", side=SIDE)
    changed = with_pixel(picture, row, column)
    found: Values = np.abs(vision.see(model, changed) - vision.see(model, picture)).max(axis=-1)
    return found


def test_a_picture_becomes_tokens_as_wide_as_the_language_model(projector: Model) -> None:
    assert vision.see(projector, pictures.pixels("1", side=SIDE)).shape == (GRID**2, 64)


def test_every_token_sees_all_of_the_picture(projector: Model) -> None:
    assert moved(projector, 0, 0).min() > 1e-3
    assert moved(projector, SIDE - 1, SIDE - 1).min() > 1e-3


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 31), (9, 2), (16, 15), (31, 31)])
def test_without_attention_a_pixel_is_seen_in_its_own_place_only(
    each_for_itself: Model, row: int, column: int
) -> None:
    found = moved(each_for_itself, row, column)

    side = SIDE // GRID
    assert np.flatnonzero(found > 1e-4).tolist() == [row // side * GRID + column // side]


def test_without_places_one_colour_is_the_same_everywhere(projector: Model) -> None:
    plain = np.full((SIDE, SIDE, 3), 77, dtype=np.uint8)

    here, nowhere = (
        vision.see(model, plain) for model in (projector, silenced(projector, "position_embd"))
    )

    assert np.ptp(nowhere, axis=0).max() < 1e-4
    assert np.ptp(here, axis=0).max() > 1


def test_colours_are_told_apart(projector: Model) -> None:
    picture = pictures.pixels("1", side=SIDE)

    red_is_blue = vision.see(projector, np.ascontiguousarray(picture[..., ::-1]))

    assert np.abs(red_is_blue - vision.see(projector, picture)).max() > 1
