from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.config import PerformancePolicy
from engine_ci.errors import EngineAnswerError
from engine_ci.gate import speed, speed_checks
from engine_ci.gate.schedule import Role
from engine_ci.records.gate import Check, FaultClass, Measurement, Status
from tests.unit.gate.speeds import FIRST_TOKEN, speeds

if TYPE_CHECKING:
    from engine_ci.gate.speed import Comparison, Samples

POLICY = PerformancePolicy()


def compare(samples: Samples) -> Comparison:
    return speed.compare(samples, limit=POLICY.limit, confidence=POLICY.confidence)


def compared(*, candidate: float = 1.0, control: float = 1.0, noise: float = 0.01) -> Check:
    samples = speeds(candidate=candidate, control=control, noise=noise)
    return speed_checks.compared(samples, compare(samples))


@pytest.mark.parametrize(
    ("candidate", "control", "status", "ending"),
    [
        (1.0, 1.0, Status.PASS, "ok"),
        (1.1, 1.0, Status.PASS, "improved"),
        (0.9, 1.0, Status.FAIL, "regressed"),
        (0.8, 0.96, Status.FAIL, "regressed"),
        (1.0, 0.96, Status.WARN, "inconclusive: the host is unfit to tell"),
    ],
)
def test_a_metric_fails_only_when_it_has_regressed(
    candidate: float, control: float, status: Status, ending: str
) -> None:
    found = compared(candidate=candidate, control=control)

    assert (found.id, found.suite) == ("performance/generation", "performance")
    assert (found.status, found.blocking) == (status, True)
    assert found.observed.endswith(f"), {ending}")


def test_the_evidence_has_ratio_bounds_speeds_and_counts() -> None:
    found = compared(candidate=0.9, noise=1e-9)

    assert found.expected == "upper bound of the ratio at least 0.97"
    assert found.observed == "0.900 (0.900 to 0.900), regressed"
    assert found.detail == ("270 tokens/s, baseline 300 (medians); 48 pairs over 12 restarts")


def test_the_host_is_described_by_the_baseline_against_itself() -> None:
    quiet = compare(speeds(noise=1e-9))
    noisy = compare(speeds(control=0.9, noise=1e-9))

    fit = speed_checks.host([quiet, quiet], seed=7, waited=0.0)
    unfit = speed_checks.host([quiet, noisy], seed=7, waited=0.426)

    assert (fit.status, unfit.status) == (Status.PASS, Status.WARN)
    assert not unfit.blocking
    assert unfit.fault_class is FaultClass.HARNESS
    assert unfit.observed == (
        "generation 1.000 (1.000 to 1.000), a pair's sigma 0.000; "
        "generation 0.900 (0.900 to 0.900), a pair's sigma 0.000"
    )
    assert unfit.detail == (
        "43% of the clock's time is left out: threads waited for a core; "
        "the order of the questions comes from seed 7"
    )


def test_the_host_says_when_the_plain_clock_was_used() -> None:
    found = speed_checks.host([compare(speeds())], seed=7, waited=None)

    assert found.detail.startswith("by the clock: this system does not tell")


@pytest.mark.parametrize(
    ("candidate", "status"),
    [([0.4, 0.5, 0.6], Status.FAIL), ([0.4, 0.19, 0.6], Status.PASS)],
)
def test_a_start_fails_when_every_restart_took_twice_the_time(
    candidate: list[float], status: Status
) -> None:
    started = [{Role.CANDIDATE: seconds, Role.BASELINE: 0.1} for seconds in candidate]

    found = speed_checks.start(started)

    assert found.status is status
    assert found.fault_class is FaultClass.LOAD_TIME
    assert found.observed == f"{sorted(candidate)[1]:.2f} s, baseline 0.10 s (medians)"


def test_a_collapse_fails_with_a_measurement() -> None:
    measurement, check = speed_checks.collapse(speeds(candidate=0.4, restarts=2, noise=1e-9))

    assert isinstance(measurement, Measurement)
    assert isinstance(check, Check)
    assert measurement.verdict == "regressed"
    assert check.status is Status.FAIL
    assert check.observed == "0.400, at most 0.400 in any pair"
    assert check.detail == "120 tokens/s, baseline 300 (medians); stopped after 8 pairs"


def test_a_metric_that_did_not_collapse_is_not_judged_on_an_unfinished_session() -> None:
    (check,) = speed_checks.collapse(speeds(candidate=0.8, restarts=2))

    assert isinstance(check, Check)
    assert check.status is Status.SKIP
    assert check.observed == "not measured to the end: another metric has collapsed"


def test_a_candidate_that_breaks_off_fails_with_its_last_words() -> None:
    check = speed_checks.broken(EngineAnswerError("no answer", log=("one", "two")))

    assert (check.id, check.status) == ("performance/answers", Status.FAIL)
    assert check.fault_class is FaultClass.CRASH_RUNTIME
    assert (check.observed, check.detail) == ("no answer", "one\ntwo")


def test_a_wait_is_told_in_milliseconds_against_its_own_limit() -> None:
    samples = speeds(candidate=0.75, noise=1e-9, metric=FIRST_TOKEN)

    found = speed_checks.compared(samples, compare(samples))

    assert found.status is Status.FAIL
    assert found.expected == "upper bound of the ratio at least 0.8"
    assert found.detail == "4.4 ms, baseline 3.3 (medians); 48 pairs over 12 restarts"


FLOORS = PerformancePolicy(floors={"macos-15": {"generation": 300.0}})


@pytest.mark.parametrize(("candidate", "status"), [(1.01, Status.PASS), (0.99, Status.FAIL)])
def test_a_floor_is_absolute_and_of_the_candidates_median(candidate: float, status: Status) -> None:
    samples = speeds(candidate=candidate, noise=1e-9)

    (found,) = speed_checks.floors([samples], FLOORS, runner="macos-15")

    assert (found.id, found.status) == ("performance/generation/floor", status)
    assert found.expected == "at least 300 tokens/s"
    assert found.observed == f"{300 * candidate:.0f} tokens/s, median of 48"


def test_a_metric_without_a_floor_has_no_such_check() -> None:
    assert not list(speed_checks.floors([speeds(metric=FIRST_TOKEN)], FLOORS, runner="macos-15"))
    assert not list(speed_checks.floors([speeds()], POLICY, runner="macos-15"))


@pytest.mark.parametrize(
    ("runner", "observed"),
    [("ubuntu-24.04", "runner ubuntu-24.04 has none"), (None, "no runner was named")],
)
def test_floors_that_are_not_for_this_runner_are_a_skip_that_says_so(
    runner: str | None, observed: str
) -> None:
    (found,) = speed_checks.floors([speeds()], FLOORS, runner=runner)

    assert (found.id, found.status) == ("performance/floors", Status.SKIP)
    assert (found.expected, found.observed) == ("a runner with floors: macos-15", observed)
