from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.gate.divergence import Drift, Flip
from engine_ci.gate.suites.drift import NEAR_TIE, TO_BASELINE, TO_REFERENCE, judge, scales
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from engine_ci.gate.suites.drift import Scale


def drift(moved: float, *, flip: Flip | None = None) -> Drift:
    return Drift(steps=24, divergence=moved, mean=moved, median=moved, largest=2 * moved, flip=flip)


ROUNDED = scales("Q4_0", TO_REFERENCE)


def flip(margin: float) -> Flip:
    return Flip(step=3, expected=70, found=71, margin=margin)


@pytest.mark.parametrize(
    "scale", [TO_BASELINE, TO_REFERENCE, *ROUNDED, *scales("F16", TO_BASELINE)]
)
def test_up_to_one_bound_a_drift_passes_and_above_the_other_it_fails(scale: Scale) -> None:
    between = (scale.passes + scale.fails) / 2

    found = [
        judge({"a": drift(moved)}, [scale]).status
        for moved in (0.0, scale.passes, between, scale.fails, 1.001 * scale.fails)
    ]

    assert found == [Status.PASS, Status.PASS, Status.WARN, Status.WARN, Status.FAIL]


def test_each_case_weighs_the_same_however_soon_it_parts() -> None:
    parted = Drift(steps=1, divergence=4e-3, mean=0.0, median=0.0, largest=0.0, flip=None)

    found = judge({"a": drift(0.0), "b": parted}, [TO_BASELINE])

    assert found.status is Status.FAIL
    assert found.observed == "mean KL 2.0e-03 nats over 25 steps; largest 0.0e+00"


def test_noise_may_turn_over_a_near_tie_and_the_detail_tells() -> None:
    found = judge({"a": drift(0.0, flip=flip(NEAR_TIE))}, [TO_BASELINE])

    assert found.status is Status.PASS
    assert found.detail == (
        "case a parts at step 3: expected token 70, found token 71 (margin 0.30 nats)"
    )


def test_another_choice_where_the_margin_was_large_fails_without_any_drift() -> None:
    found = judge({"a": drift(0.0, flip=flip(NEAR_TIE + 0.01))}, [TO_BASELINE])

    assert found.status is Status.FAIL


def cases(*moved: float) -> dict[str, Drift]:
    return {str(number): drift(each) for number, each in enumerate(moved)}


def test_exact_models_are_judged_as_asked_and_others_by_the_median() -> None:
    assert scales("F32", TO_REFERENCE) == (TO_REFERENCE,)
    assert scales("F32", TO_BASELINE) == (TO_BASELINE,)
    for weights in ("F16", "Q8_0", "Q4_K_M"):
        assert scales(weights, TO_REFERENCE) == scales(weights, TO_BASELINE)
        assert scales(weights, TO_BASELINE)[0].name == "median difference"


def test_a_rounding_turned_over_in_fewer_than_half_of_the_cases_is_no_fault() -> None:
    found = [
        judge(cases(*[0.04] * turned, *[5e-6] * (7 - turned)), ROUNDED).status for turned in (3, 4)
    ]

    assert found == [Status.PASS, Status.FAIL]


def test_what_spoils_a_single_case_altogether_is_left_to_the_mean() -> None:
    found = judge(cases(1.0, *[5e-6] * 6), ROUNDED)

    assert found.status is Status.FAIL
    assert found.observed.startswith("median difference 5.0e-06, mean difference 1.4e-01 nats over")


def test_a_rounding_turns_over_what_no_other_noise_does() -> None:
    found = [judge({"a": drift(0.0, flip=flip(margin))}, ROUNDED).status for margin in (0.59, 0.61)]

    assert found == [Status.PASS, Status.FAIL]
