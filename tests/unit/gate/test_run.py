from __future__ import annotations

from datetime import UTC, datetime
from threading import Barrier, current_thread, main_thread
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import ALL_SUITES
from engine_ci.errors import HarnessError, UsageError
from engine_ci.gate import host
from engine_ci.gate.run import SUITES, run_gate
from engine_ci.records.gate import Check, FaultClass, Measurement, Status, Verdict
from tests.unit.gate.contexts import context, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.gate.context import Context
    from engine_ci.gate.run import Suite
    from engine_ci.records.gate import GateResult

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
BASELINE = subject("1.0", tree="b")


def check(name: str, status: Status = Status.PASS, *, seconds: float = 0.0) -> Check:
    return Check(
        id=name,
        suite=name.partition("/")[0],
        status=status,
        fault_class=FaultClass.NUMERIC,
        expected="yes",
        observed="no",
        seconds=seconds,
    )


FASTER = Measurement(
    metric="generation", ratio=1.1, low=1.05, high=1.15, pairs=48, restarts=12, verdict="improved"
)


def suite(*answers: Check | Measurement) -> Suite:
    def run(_: Context) -> Iterator[Check | Measurement]:
        yield from answers

    return run


def gate(
    available: Mapping[str, Suite], *, asked: Context | None = None, setup: tuple[Check, ...] = ()
) -> GateResult:
    return run_gate(
        asked or context(baseline=BASELINE),
        tuple(available),
        now=NOW,
        progress=lambda _: None,
        setup=setup,
        available=available,
    )


def outcome(result: GateResult) -> dict[str, str]:
    return {item.id: item.status.value for item in result.checks}


def test_everything_that_the_suites_say_is_in_the_result_in_their_order() -> None:
    result = gate(
        {"one": suite(check("one/a"), check("one/b")), "two": suite(FASTER, check("two/c"))},
        setup=(check("setup/x"),),
    )

    assert list(outcome(result)) == ["setup/x", "one/a", "one/b", "two/c"]
    assert result.performance == (FASTER,)
    assert result.verdict is Verdict.PASS
    assert result.started == NOW
    assert result.host == host.facts()
    assert result.engines.candidate.version == "2.0"
    assert result.engines.baseline == BASELINE.facts


def test_suites_begin_in_the_order_that_was_asked_for_but_for_those_that_run_alone() -> None:
    lines: list[str] = []
    names = ["performance", "two", "lifecycle", "memory", "loads", "two", "one"]

    result = run_gate(
        context(baseline=BASELINE),
        names,
        now=NOW,
        progress=lines.append,
        available={name: suite(check(f"{name}/a")) for name in sorted(names)},
    )

    order = ["loads", "two", "memory", "one", "lifecycle", "performance"]
    assert list(outcome(result)) == [f"{name}/a" for name in order]
    assert len(result.checks) == len(order)
    assert lines == [
        "gate: loads",
        "gate: two, memory, one",
        "gate: lifecycle",
        "gate: performance",
    ]


def test_suites_that_nothing_disturbs_run_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    both = Barrier(2, timeout=10)

    def meeting(name: str) -> Suite:
        def run(_: Context) -> Iterator[Check]:
            both.wait()
            yield check(name)

        return run

    result = gate({"tokens": meeting("tokens/a"), "chat": meeting("chat/a")})

    assert list(outcome(result)) == ["tokens/a", "chat/a"]


@pytest.mark.parametrize("name", ["loads", "lifecycle", "performance"])
def test_a_suite_that_others_would_disturb_runs_alone_where_it_can_be_interrupted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    running: set[str] = set()

    def watched(own: str) -> Suite:
        def run(_: Context) -> Iterator[Check]:
            running.add(own)
            yield check(f"{own}/a")
            assert name not in running or running == {name}
            assert own != name or current_thread() is main_thread()
            running.remove(own)

        return run

    names = ("tokens", "chat", name, "api", "drift")
    result = gate({own: watched(own) for own in names})

    assert sorted(outcome(result)) == sorted(f"{own}/a" for own in names)


def test_a_suite_that_nobody_knows_is_refused_before_anything_runs() -> None:
    lines: list[str] = []

    with pytest.raises(UsageError, match="there is no suite `speed`") as caught:
        run_gate(context(), ["loads", "speed"], now=NOW, progress=lines.append)

    assert caught.value.hint == (
        "there are loads, tokens, drift, tokenizer, chat, embeddings, pictures, real, api, "
        "kv-pressure, lifecycle, memory, performance"
    )
    assert lines == []


def test_the_suites_are_those_that_the_configuration_knows() -> None:
    assert tuple(SUITES) == ALL_SUITES


def test_a_check_gets_the_time_since_the_one_before_unless_it_says_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)

    def slow(_: Context) -> Iterator[Check | Measurement]:
        nonlocal now
        now += 2.0
        yield check("slow/first")
        now += 3.0
        yield FASTER
        now += 1.0
        yield check("slow/second")
        now += 5.0
        yield check("slow/third", seconds=0.25)

    result = gate({"slow": slow})

    assert [item.seconds for item in result.checks] == [2.0, 4.0, 0.25]
    assert result.seconds == 11.0


def broken(_: Context) -> Iterator[Check]:
    yield check("broken/first")
    raise HarnessError("the proxy has gone", hint="start it again")


def test_a_harness_that_fails_is_an_error_and_the_other_suites_still_run() -> None:
    result = gate({"broken": broken, "after": suite(check("after/a"))})

    assert outcome(result) == {
        "broken/first": "pass",
        "broken/harness": "error",
        "after/a": "pass",
    }
    failed = result.checks[1]
    assert (failed.observed, failed.detail) == ("the proxy has gone", "start it again")
    assert failed.fault_class is FaultClass.HARNESS
    assert result.verdict is Verdict.ERROR


def test_a_failed_check_outranks_a_harness_that_fails() -> None:
    result = gate({"broken": broken, "after": suite(check("after/a", Status.FAIL))})

    assert result.verdict is Verdict.FAIL


def test_a_bug_is_not_hidden_in_a_check() -> None:
    def buggy(_: Context) -> Iterator[Check]:
        yield check("buggy/first")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gate({"buggy": buggy})


def test_speed_is_not_measured_once_something_is_wrong() -> None:
    def never(_: Context) -> Iterator[Check]:
        raise AssertionError
        yield

    result = gate({"tokens": suite(check("tokens/a", Status.FAIL)), "performance": never})

    assert outcome(result) == {
        "tokens/a": "fail",
        "performance/prompt": "skip",
        "performance/wide-prompt": "skip",
        "performance/first-token": "skip",
        "performance/generation": "skip",
    }
    assert result.checks[1].observed == "tokens/a has failed"


def test_speed_is_measured_where_nothing_has_failed() -> None:
    result = gate(
        {
            "tokens": suite(check("tokens/a", Status.WARN)),
            "performance": suite(FASTER, check("performance/generation")),
        }
    )

    assert result.performance == (FASTER,)
    assert result.verdict is Verdict.PASS


def test_without_a_baseline_the_best_is_inconclusive() -> None:
    result = gate({"tokens": suite(check("tokens/a"))}, asked=context(baseline=None))

    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.engines.baseline is None


def test_no_suite_is_no_pass() -> None:
    assert gate({}).verdict is Verdict.ERROR


def test_a_baseline_that_refused_a_model_was_not_compared_in_full() -> None:
    baseline = subject("1.0", tree="b")
    baseline.refused["sensitive"] = "did not start with sensitive"

    result = gate({"one": suite(check("one/a"))}, asked=context(baseline=baseline))

    assert result.verdict is Verdict.INCONCLUSIVE
