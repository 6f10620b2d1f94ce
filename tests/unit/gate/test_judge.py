from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import Exit
from engine_ci.gate.judge import EXIT_CODES, judge
from engine_ci.records.gate import Check, FaultClass, Measurement, Status, Verdict

RANKS = [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.FAIL]


def check(status: Status, *, blocking: bool = True) -> Check:
    return Check(
        id="suite/question",
        suite="suite",
        status=status,
        blocking=blocking,
        fault_class=FaultClass.NUMERIC,
        expected="yes",
        observed="no",
    )


def measurement(verdict: str) -> Measurement:
    return Measurement.model_validate(
        {
            "metric": "generation",
            "ratio": 1,
            "low": 0.9,
            "high": 1.1,
            "pairs": 48,
            "restarts": 12,
            "verdict": verdict,
        }
    )


PASS, FAIL, WARN = check(Status.PASS), check(Status.FAIL), check(Status.WARN)
SKIP, ERROR = check(Status.SKIP), check(Status.ERROR)
UNSURE = measurement("inconclusive")


@pytest.mark.parametrize(
    ("checks", "measurements", "expected"),
    [
        pytest.param([PASS], [], Verdict.PASS, id="all well"),
        pytest.param([PASS, WARN, SKIP], [measurement("ok")], Verdict.PASS, id="warned, skipped"),
        pytest.param([PASS], [measurement("improved")], Verdict.PASS, id="improved"),
        pytest.param([PASS, FAIL, ERROR], [UNSURE], Verdict.FAIL, id="fail outranks all"),
        pytest.param([PASS, ERROR], [UNSURE], Verdict.ERROR, id="error outranks inconclusive"),
        pytest.param([PASS], [UNSURE], Verdict.INCONCLUSIVE, id="inconclusive outranks pass"),
        pytest.param([PASS, check(Status.FAIL, blocking=False)], [], Verdict.PASS, id="advice"),
        pytest.param([], [], Verdict.ERROR, id="nothing asked"),
        pytest.param([SKIP, SKIP], [], Verdict.ERROR, id="all skipped"),
        pytest.param([], [measurement("ok")], Verdict.ERROR, id="measured but nothing asked"),
    ],
)
def test_the_verdict_is_the_worst_that_was_found(
    checks: list[Check], measurements: list[Measurement], expected: Verdict
) -> None:
    assert judge(checks, measurements, compared=True) is expected


def test_without_a_baseline_the_best_is_inconclusive() -> None:
    assert judge([PASS], [], compared=False) is Verdict.INCONCLUSIVE
    assert judge([PASS, FAIL], [], compared=False) is Verdict.FAIL
    assert judge([PASS, ERROR], [], compared=False) is Verdict.ERROR


CHECKS = st.lists(st.builds(check, st.sampled_from(Status), blocking=st.booleans()))


@given(CHECKS, CHECKS, st.booleans())
def test_further_checks_never_turn_a_failure_into_something_better(
    checks: list[Check], more: list[Check], compared: bool
) -> None:
    before = judge(checks, [], compared=compared)
    after = judge([*checks, *more], [], compared=compared)

    ran = any(item.status is not Status.SKIP for item in checks)
    assert not ran or RANKS.index(after) >= RANKS.index(before)


@given(CHECKS)
def test_pass_takes_a_check_that_ran_and_none_that_failed(checks: list[Check]) -> None:
    if judge(checks, [], compared=True) is Verdict.PASS:
        statuses = {item.status for item in checks}

        assert statuses & {Status.PASS, Status.WARN, Status.FAIL}
        assert not any(item.status is Status.FAIL and item.blocking for item in checks)


def test_every_verdict_has_its_own_exit_code() -> None:
    assert EXIT_CODES == {
        Verdict.PASS: Exit.OK,
        Verdict.FAIL: Exit.GATE_SAYS_NO,
        Verdict.ERROR: Exit.OUTSIDE,
        Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    }
    assert [int(EXIT_CODES[verdict]) for verdict in RANKS] == [0, 5, 4, 1]
