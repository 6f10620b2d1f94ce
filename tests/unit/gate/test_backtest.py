from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import backtest
from engine_ci.gate.backtest import Asked, Pair
from engine_ci.records.backtest import Outcome
from engine_ci.records.gate import (
    Check,
    EngineFacts,
    Engines,
    FaultClass,
    GateResult,
    Host,
    Status,
    Verdict,
)

BUILDS = {"0.1.0": None, "2026.4.8672": 8672, "2026.4.8672.1": 8672, "2026.5.9093": 9093}
ASKED = Asked(package="wheel", adapter="xllamacpp", suites=("loads", "api"))
NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOST = Host(system="Linux", machine="x", processor="p", cores=2, memory=1, python="3.11")
PAIR = Pair(version="2026.5.9093", build=9093, predecessors=("2026.4.8672",))


def check(name: str, status: Status, observed: str = "as expected") -> Check:
    return Check(
        id=f"loads/{name}",
        suite="loads",
        status=status,
        fault_class=FaultClass.CRASH_LOAD,
        expected="ready",
        observed=observed,
        detail="a long log",
    )


def result(verdict: Verdict, *checks: Check) -> GateResult:
    facts = EngineFacts(
        pin="unknown",
        version="unknown",
        tree_sha256="0" * 64,
        adapter="xllamacpp",
        platform="ubuntu-x64",
    )
    return GateResult(
        schema=1,
        verdict=verdict,
        engines=Engines(candidate=facts),
        host=HOST,
        checks=checks,
        started=NOW,
        seconds=12.3,
    )


def outcome(
    version: str = "2026.5.9093", *, verdict: Verdict = Verdict.PASS, asked: Asked = ASKED
) -> Outcome:
    pair = Pair(version=version, build=None, predecessors=())
    return backtest.gated(pair, asked, result(verdict), baseline=None)


def test_every_chosen_build_is_paired_with_all_that_came_before_it_newest_first() -> None:
    assert backtest.pairs(BUILDS, chosen={"2026.4.8672.1", "0.1.0"}) == [
        Pair(version="0.1.0", build=None, predecessors=()),
        Pair(version="2026.4.8672.1", build=8672, predecessors=("2026.4.8672", "0.1.0")),
    ]


@given(st.sets(st.sampled_from(list(BUILDS))))
def test_a_build_has_its_own_predecessors_whatever_else_is_chosen(chosen: set[str]) -> None:
    alone = [pair for version in BUILDS for pair in backtest.pairs(BUILDS, chosen={version})]

    found = backtest.pairs(BUILDS, chosen=chosen)

    assert found == [pair for pair in alone if pair.version in chosen]


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_what_has_an_answer_is_not_asked_again(verdict: Verdict) -> None:
    assert backtest.remaining([PAIR], [outcome(verdict=verdict)], ASKED) == []


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param([], id="nothing"),
        pytest.param([outcome("2026.4.8672")], id="another-build"),
        pytest.param([outcome(verdict=Verdict.ERROR)], id="an-error-of-ours"),
        pytest.param(
            [outcome(asked=Asked(package="other", adapter="xllamacpp", suites=("loads", "api")))],
            id="another-package",
        ),
        pytest.param(
            [outcome(asked=Asked(package="wheel", adapter="llama-server", suites=ASKED.suites))],
            id="another-adapter",
        ),
        pytest.param(
            [outcome(asked=Asked(package="wheel", adapter="xllamacpp", suites=("loads",)))],
            id="other-suites",
        ),
    ],
)
def test_what_has_none_is_left(stored: list[Outcome]) -> None:
    assert backtest.remaining([PAIR], stored, ASKED) == [PAIR]


def test_a_job_of_the_matrix_gates_one_build() -> None:
    assert json.loads(backtest.matrix([PAIR])) == {
        "include": [{"version": "2026.5.9093", "builds": "2026.5.9093..2026.5.9093"}]
    }


def test_an_outcome_counts_all_checks_and_keeps_what_was_observed_without_evidence() -> None:
    checks = (check("a", Status.PASS), check("b", Status.PASS), check("c", Status.FAIL, "died"))

    found = backtest.gated(PAIR, ASKED, result(Verdict.FAIL, *checks), baseline="2026.4.8672")

    assert found.counts == {Status.PASS: 2, Status.FAIL: 1}
    assert [(each.id, each.observed, each.detail) for each in found.checks] == [
        ("loads/c", "died", "")
    ]
    assert found.passed == {"loads/a": "as expected", "loads/b": "as expected"}
    assert (found.version, found.build, found.baseline) == ("2026.5.9093", 9093, "2026.4.8672")
    assert (found.verdict, found.at, found.seconds) == (Verdict.FAIL, NOW, 12.3)
    assert Outcome.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.PASS),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.ERROR, Verdict.INCONCLUSIVE], Verdict.ERROR),
        ([Verdict.ERROR, Verdict.FAIL, Verdict.PASS], Verdict.FAIL),
    ],
)
def test_the_worst_verdict_outranks_the_others(verdicts: list[Verdict], expected: Verdict) -> None:
    assert backtest.worst([outcome(verdict=verdict) for verdict in verdicts]) is expected


def test_the_table_says_for_each_build_what_failed_and_why() -> None:
    failed = (check("a", Status.FAIL, "died of SIGABRT"), check("b", Status.FAIL))
    harness = check("c", Status.ERROR, "no disk")
    pair = Pair(version="2026.4.8672", build=8672, predecessors=())
    lines = backtest.table(
        [
            outcome("0.1.0"),
            backtest.gated(PAIR, ASKED, result(Verdict.FAIL, *failed), baseline="0.1.0"),
            backtest.gated(PAIR, ASKED, result(Verdict.ERROR, harness), baseline="0.1.0"),
            backtest.broken(pair, ASKED, "x" * 120, host=HOST, at=NOW),
        ]
    ).splitlines()

    assert [line.split(maxsplit=4) for line in lines[:2]] == [
        ["build", "against", "verdict", "seconds", "failing             why"],
        ["0.1.0", "-", "pass", "12", "-"],
    ]
    assert lines[2].split(maxsplit=4)[4] == "loads/a and 1 more  died of SIGABRT"
    assert lines[3].split(maxsplit=4)[4] == "loads/c             no disk"
    assert lines[4].endswith(f"-{' ' * 19}{'x' * 100}…")
