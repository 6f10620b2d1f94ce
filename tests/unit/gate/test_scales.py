from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.gate.divergence import Drift, Flip
from engine_ci.gate.suites.drift import NEAR_TIE, TO_BASELINE, TO_REFERENCE, judge
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from engine_ci.gate.suites.drift import Scale


def drift(moved: float, *, flip: Flip | None = None) -> Drift:
    return Drift(steps=24, divergence=moved, mean=moved, largest=2 * moved, flip=flip)


def flip(margin: float) -> Flip:
    return Flip(step=3, expected=70, found=71, margin=margin)


@pytest.mark.parametrize("scale", [TO_BASELINE, TO_REFERENCE])
def test_up_to_one_bound_a_drift_passes_and_above_the_other_it_fails(scale: Scale) -> None:
    between = (scale.passes + scale.fails) / 2

    found = [
        judge({"a": drift(moved)}, scale).status
        for moved in (0.0, scale.passes, between, scale.fails, 1.001 * scale.fails)
    ]

    assert found == [Status.PASS, Status.PASS, Status.WARN, Status.WARN, Status.FAIL]


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
