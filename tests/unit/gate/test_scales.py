from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import zoo
from engine_ci.gate.divergence import Drift, Flip
from engine_ci.gate.scales import (
    NEAR_TIE,
    TO_BASELINE,
    TO_REFERENCE,
    TO_REFERENCE_OF_GEMMA,
    Against,
    Scale,
    judge,
    scale,
)
from engine_ci.records.gate import Status

SCALES = (TO_BASELINE, TO_REFERENCE, TO_REFERENCE_OF_GEMMA)
RANK = (Status.PASS, Status.WARN, Status.FAIL)


def drift(moved: float, *, flip: Flip | None = None) -> Drift:
    return Drift(steps=24, divergence=moved, mean=moved, largest=2 * moved, flip=flip)


def flip(margin: float) -> Flip:
    return Flip(step=3, expected=70, found=71, margin=margin)


@pytest.mark.parametrize("scale", SCALES)
def test_up_to_one_bound_a_drift_passes_and_above_the_other_it_fails(scale: Scale) -> None:
    between = (scale.passes + scale.fails) / 2

    found = [
        judge({"a": drift(moved)}, scale).status
        for moved in (0.0, scale.passes, between, scale.fails, 1.001 * scale.fails)
    ]

    assert found == [Status.PASS, Status.PASS, Status.WARN, Status.WARN, Status.FAIL]


@given(
    scale=st.sampled_from(SCALES),
    moved=st.floats(0, 1e-2),
    more=st.floats(0, 1e-2),
    margin=st.floats(0, 1),
)
def test_more_drift_or_a_choice_turned_over_never_makes_it_better(
    scale: Scale, moved: float, more: float, margin: float
) -> None:
    less = judge({"a": drift(moved)}, scale).status

    worse = [
        judge({"a": drift(moved + more)}, scale).status,
        judge({"a": drift(moved, flip=flip(margin))}, scale).status,
    ]

    assert all(RANK.index(status) >= RANK.index(less) for status in worse)


def test_each_case_weighs_the_same_however_soon_it_parts() -> None:
    parted = Drift(steps=1, divergence=4e-3, mean=0.0, largest=0.0, flip=None)

    found = judge({"a": drift(0.0), "b": parted}, TO_BASELINE)

    assert found.status is Status.FAIL
    assert found.observed == "mean KL 2.0e-03 nats over 25 steps; largest 0.0e+00"


def test_noise_may_turn_over_a_near_tie_and_the_detail_tells() -> None:
    found = judge({"a": drift(0.0, flip=flip(NEAR_TIE))}, TO_BASELINE)

    assert found.status is Status.PASS
    assert found.detail == (
        "case a parts at step 3: expected token 70, found token 71 (margin 0.30 nats)"
    )


def test_another_choice_where_the_margin_was_large_fails_without_any_drift() -> None:
    found = judge({"a": drift(0.0, flip=flip(NEAR_TIE + 0.01))}, TO_BASELINE)

    assert found.status is Status.FAIL


def test_only_what_rounds_its_gelu_may_be_further_from_the_reference() -> None:
    found = {
        model.name
        for model in zoo.load_catalogue()
        if scale(model, Against.REFERENCE) is TO_REFERENCE_OF_GEMMA
    }

    assert found == {"sensitive-gemma2", "sensitive-gemma3"}
    assert TO_REFERENCE_OF_GEMMA.fails == TO_REFERENCE.fails


def test_two_builds_are_compared_on_one_scale_whatever_the_model() -> None:
    assert {scale(model, Against.BASELINE) for model in zoo.load_catalogue()} == {TO_BASELINE}
