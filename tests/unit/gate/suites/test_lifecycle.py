from __future__ import annotations

import pytest

from engine_ci.errors import EngineStartError
from engine_ci.gate.suites.lifecycle import judge_refusal
from engine_ci.records.gate import Status


@pytest.mark.parametrize(("status", "expected"), [(1, Status.PASS), (0, Status.FAIL)])
def test_a_broken_model_is_to_be_refused_with_a_status_other_than_0(
    status: int, expected: Status
) -> None:
    problem = EngineStartError(f"the engine ended with status {status}", status=status)

    found = judge_refusal(problem)

    assert (found.status, found.observed) == (expected, problem.message)


def test_a_crash_or_a_hang_with_a_broken_model_is_no_refusal() -> None:
    found = judge_refusal(EngineStartError("the engine is not ready", log=("one", "two")))

    assert (found.status, found.detail) == (Status.FAIL, "one\ntwo")
