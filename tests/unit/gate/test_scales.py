from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.client import Step
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
    margins,
    scales,
)
from engine_ci.records.gate import MOST_POSITIONS, Status

MODELS = {model.name: model for model in zoo.load_catalogue()}
ROUNDED = scales(MODELS["sensitive-q4_0"], Against.REFERENCE)
HALVES = scales(MODELS["sensitive-f16"], Against.REFERENCE)
LOOSE = scales(MODELS["sensitive-q4_0"], Against.BASELINE)
SCALES = (TO_BASELINE, TO_REFERENCE, TO_REFERENCE_OF_GEMMA, *ROUNDED, *HALVES, *LOOSE)
RANK = (Status.PASS, Status.WARN, Status.FAIL)


def drift(moved: float, *, flip: Flip | None = None) -> Drift:
    return Drift(steps=24, divergence=moved, mean=moved, median=moved, largest=2 * moved, flip=flip)


def flip(margin: float) -> Flip:
    return Flip(step=3, expected=70, found=71, margin=margin)


@pytest.mark.parametrize("scale", SCALES)
def test_up_to_one_bound_a_drift_passes_and_above_the_other_it_fails(scale: Scale) -> None:
    between = (scale.passes + scale.fails) / 2

    found = [
        judge({"a": drift(moved)}, [scale]).status
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
    less = judge({"a": drift(moved)}, [scale]).status

    worse = [
        judge({"a": drift(moved + more)}, [scale]).status,
        judge({"a": drift(moved, flip=flip(margin))}, [scale]).status,
    ]

    assert all(RANK.index(status) >= RANK.index(less) for status in worse)


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


def test_only_what_rounds_its_gelu_may_be_further_from_the_reference() -> None:
    found = {
        model.name
        for model in zoo.load_catalogue()
        if scales(model, Against.REFERENCE) == (TO_REFERENCE_OF_GEMMA,)
    }

    assert found == {"sensitive-gemma2", "sensitive-gemma3"}
    assert TO_REFERENCE_OF_GEMMA.fails == TO_REFERENCE.fails


def test_two_builds_are_compared_on_one_scale_whatever_the_architecture() -> None:
    exact = [model for model in MODELS.values() if model.weights == "F32"]

    assert {scales(model, Against.BASELINE) for model in exact} == {(TO_BASELINE,)}


def cases(*moved: float) -> dict[str, Drift]:
    return {str(number): drift(each) for number, each in enumerate(moved)}


def test_exact_models_are_judged_by_the_mean_and_others_by_the_median() -> None:
    assert scales(MODELS["sensitive"], Against.REFERENCE) == (TO_REFERENCE,)
    for name in ("sensitive-f16", "sensitive-q8_0", "sensitive-wide"):
        to_reference, to_baseline = (scales(MODELS[name], against) for against in Against)
        assert to_reference[0].name == to_baseline[0].name == "median difference"
        assert to_reference[0].passes == to_baseline[0].passes
        assert to_reference[0].fails < to_baseline[0].fails


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


def step(logprob: float, runner_up: float = -2.0, token: int = 7) -> Step:
    return Step(token=token, logprob=logprob, top=((token, logprob), (9, runner_up)))


def test_margins_keep_the_drift_of_each_position_over_all_cases() -> None:
    long = ([step(-0.1), step(-0.2), step(-0.3)], [step(-0.1), step(-0.2), step(-0.4)])
    short = ([step(-0.1), step(-0.2)], [step(-0.3), step(-0.2)])

    found = margins([long, short], TO_REFERENCE)

    assert found.positions == (0.05, 0.0, 0.05)
    assert (found.largest, found.measure) == (0.2, "mean difference")
    assert found.margin == 1.7
    assert (found.passes, found.fails) == (TO_REFERENCE.passes, TO_REFERENCE.fails)


def test_margins_keep_no_more_positions_than_a_page_can_show() -> None:
    steps = [step(-0.1)] * (MOST_POSITIONS + 1)

    assert len(margins([(steps, steps)], TO_REFERENCE).positions) == MOST_POSITIONS


def test_after_a_choice_that_was_turned_over_no_position_is_known() -> None:
    expected = [step(-0.1), step(-0.2), step(-0.3)]
    found = [step(-0.1), step(-0.2, token=8), step(-0.3)]

    assert len(margins([(expected, found)], TO_REFERENCE).positions) == 2
