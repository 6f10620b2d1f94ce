from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import speed
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import (
    Comparison,
    Samples,
    Verdict,
    collapse,
    has_collapsed,
    is_fit,
    judge,
)
from engine_ci.gate.statistics import Shift
from tests.unit.gate.speeds import BASELINE_SPEED, FIRST_TOKEN, speeds

QUIET = Shift(estimate=1.0, low=0.99, high=1.01)


def compare(samples: Samples, *, confidence: float = 0.99) -> Comparison:
    return speed.compare(samples, limit=0.97, confidence=confidence)


def verdict(samples: Samples) -> str:
    return compare(samples).measurement.verdict


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1.0, "ok"), (0.98, "ok"), (1.02, "ok"), (0.9, "regressed"), (0.4, "regressed"),
     (1.12, "improved")],
)  # fmt: skip
def test_a_quiet_host_tells_a_slower_candidate_from_an_equal_one(
    ratio: float, expected: str
) -> None:
    found = compare(speeds(candidate=ratio))

    assert found.fit
    assert found.measurement.verdict == expected
    assert found.measurement.low <= found.measurement.ratio <= found.measurement.high
    assert found.measurement.ratio == pytest.approx(ratio, rel=0.01)
    assert (found.measurement.pairs, found.measurement.restarts) == (48, 12)


def test_the_ratio_of_each_pair_is_kept_and_the_limit_that_was_applied() -> None:
    samples = speeds(candidate=0.5)
    found = compare(samples).measurement

    assert np.array(found.samples).shape == (found.restarts, found.pairs // found.restarts)
    assert np.median(found.samples) == pytest.approx(found.ratio, rel=0.02)
    assert found.limit == 0.97
    assert collapse(samples).limit == speed.COLLAPSED
    assert compare(speeds(metric=FIRST_TOKEN)).measurement.limit == FIRST_TOKEN.limit


def test_a_baseline_that_differs_from_itself_makes_a_small_difference_inconclusive() -> None:
    found = compare(speeds(candidate=0.94, control=0.96))

    assert not found.fit
    assert found.control.estimate == pytest.approx(0.96, rel=0.01)
    assert found.measurement.verdict == "inconclusive"


def test_what_no_unfit_host_does_to_the_baseline_is_a_regression_there_too() -> None:
    found = compare(speeds(candidate=0.85, control=0.96))

    assert not found.fit
    assert found.measurement.verdict == "regressed"


@pytest.mark.parametrize("ratio", [1.05, 1.5])
def test_an_unfit_host_is_no_ground_to_praise_a_candidate(ratio: float) -> None:
    assert verdict(speeds(candidate=ratio, control=1.04)) == "inconclusive"


def test_a_host_too_noisy_to_tell_is_unfit_though_its_centre_is_right() -> None:
    found = compare(speeds(noise=0.3))

    assert not found.fit
    assert found.measurement.verdict == "inconclusive"
    assert found.sigma == pytest.approx(0.3 * 2**0.5, rel=0.2)


def test_more_restarts_make_up_for_noise() -> None:
    assert compare(speeds(noise=0.2, restarts=400)).fit


def test_a_candidate_with_a_mind_of_its_own_does_not_pass_in_silence() -> None:
    samples = speeds(noise=0.001)
    every_third = np.where(np.arange(12) % 3 == 0, 0.7, 1.0)[:, None]
    samples.speeds[Role.CANDIDATE][:] *= every_third

    found = compare(samples)

    assert found.fit
    assert found.measurement.verdict == "inconclusive"


def test_luck_of_whole_processes_is_not_taken_for_a_regression() -> None:
    # Judged as 240 pairs this would fail: within a restart there is no noise at all.
    luck = np.exp(np.random.default_rng(3).normal(np.log(0.96), 0.03, size=(12, 1)))
    samples = speeds(noise=0.0001, rounds=20)
    samples.speeds[Role.CANDIDATE][:] *= luck

    assert verdict(samples) == "ok"


def test_outliers_of_a_busy_host_do_not_decide() -> None:
    samples = speeds(noise=0.01)
    samples.speeds[Role.CANDIDATE][::2, 1] *= 0.3
    samples.speeds[Role.CONTROL][::3, 2] *= 0.3

    assert verdict(samples) == "ok"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(0.95, 0.9699, "regressed", id="just below the limit"),
        pytest.param(0.95, 0.97, "ok", id="just at the limit"),
        pytest.param(0.90, 1.0, "ok", id="slow, but shown to be not much slower"),
        pytest.param(0.8999, 1.0, "inconclusive", id="may be much slower"),
        pytest.param(1.0309, 1.05, "ok", id="just not improved"),
        pytest.param(1.0310, 1.05, "improved", id="just improved"),
    ],
)
def test_the_bounds_decide(low: float, high: float, expected: Verdict) -> None:
    candidate = Shift(estimate=(low + high) / 2, low=low, high=high)

    assert judge(candidate, control=QUIET, limit=0.97) == expected


@pytest.mark.parametrize(
    ("control", "fit"),
    [
        pytest.param((1.0, 0.921, 1.079), True, id="just narrow enough"),
        pytest.param((1.0, 0.919, 1.0), False, id="too wide below"),
        pytest.param((1.0, 1.0, 1.081), False, id="too wide above"),
        pytest.param((0.97, 0.94, 1.0), True, id="off, perhaps by accident"),
        pytest.param((0.981, 0.975, 0.99), True, id="off beyond doubt, by little"),
        pytest.param((0.979, 0.96, 0.999), False, id="off beyond doubt, too slow"),
        pytest.param((1.021, 1.001, 1.04), False, id="off beyond doubt, too fast"),
    ],
)
def test_a_fit_host_finds_the_baseline_equal_to_itself(
    control: tuple[float, float, float], fit: bool
) -> None:
    estimate, low, high = control

    assert is_fit(Shift(estimate=estimate, low=low, high=high), limit=0.97) is fit


@pytest.mark.parametrize(
    ("low", "high", "fit"), [(0.81, 1.19, True), (0.79, 1.0, False), (1.0, 1.21, False)]
)
def test_a_metric_with_a_wide_limit_bears_as_much_noise(low: float, high: float, fit: bool) -> None:
    assert is_fit(Shift(estimate=1.0, low=low, high=high), limit=0.8) is fit


@given(st.floats(0.1, 10))
def test_the_unit_of_speed_does_not_matter(unit: float) -> None:
    samples = speeds(candidate=0.95)
    scaled = Samples(
        metric=samples.metric, speeds={role: unit * of for role, of in samples.speeds.items()}
    )

    before, after = compare(samples).measurement, compare(scaled).measurement

    assert after.verdict == before.verdict
    assert after.ratio == pytest.approx(before.ratio, abs=1e-4)


def test_a_stricter_confidence_widens_the_bounds() -> None:
    usual = compare(speeds()).measurement
    strict = compare(speeds(), confidence=0.999).measurement

    assert strict.low < usual.low < usual.high < strict.high


def test_too_few_restarts_for_the_confidence_are_refused() -> None:
    with pytest.raises(ValueError, match="6 values can never reach"):
        compare(speeds(restarts=6))


def test_a_collapse_takes_five_pairs_that_are_all_below_half_the_speed() -> None:
    assert has_collapsed(speeds(candidate=0.4, restarts=1, rounds=6))
    assert not has_collapsed(speeds(candidate=0.4, restarts=1, rounds=4))
    assert not has_collapsed(speeds(candidate=0.6, restarts=1, rounds=6))


def test_one_pair_at_speed_is_no_collapse() -> None:
    samples = speeds(candidate=0.4, restarts=2)
    samples.speeds[Role.CANDIDATE][1, 1] = BASELINE_SPEED

    assert not has_collapsed(samples)


def test_a_collapse_is_reported_with_the_extremes_of_its_pairs() -> None:
    samples = speeds(candidate=0.4, restarts=2, noise=0.1)

    found = collapse(samples)

    ratios = samples.speeds[Role.CANDIDATE] / samples.speeds[Role.BASELINE]
    assert found.verdict == "regressed"
    assert (found.low, found.high) == pytest.approx((ratios.min(), ratios.max()), abs=1e-4)
    assert (found.pairs, found.restarts) == (8, 2)


def test_the_typical_speed_is_the_median_in_tokens_per_second() -> None:
    samples = speeds(candidate=0.9)

    assert samples.typical(Role.BASELINE) == pytest.approx(BASELINE_SPEED, rel=0.01)
    assert samples.typical(Role.CANDIDATE) == pytest.approx(0.9 * BASELINE_SPEED, rel=0.01)


def test_a_metric_may_have_a_limit_of_its_own() -> None:
    slower = speeds(candidate=0.85, metric=FIRST_TOKEN)
    much_slower = speeds(candidate=0.75, metric=FIRST_TOKEN)

    assert compare(slower).limit == 0.8
    assert [verdict(slower), verdict(much_slower)] == ["ok", "regressed"]
