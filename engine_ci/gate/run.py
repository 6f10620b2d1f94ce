"""Runs the suites in their order, whatever becomes of each, and collects what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from engine_ci.errors import EngineCIError, UsageError
from engine_ci.gate import host
from engine_ci.gate.context import Context
from engine_ci.gate.judge import is_fatal, judge
from engine_ci.gate.suites import (
    api,
    chat,
    drift,
    embeddings,
    kv_pressure,
    lifecycle,
    loads,
    memory,
    performance,
    real,
    tokenizer,
    tokens,
)
from engine_ci.records.gate import (
    Check,
    Engines,
    FaultClass,
    GateResult,
    Measurement,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

Suite: TypeAlias = Callable[[Context], Iterable[Check | Measurement]]

SUITES: Final[Mapping[str, Suite]] = {
    "loads": loads.run,
    "tokens": tokens.run,
    "drift": drift.run,
    "tokenizer": tokenizer.run,
    "chat": chat.run,
    "embeddings": embeddings.run,
    "real": real.run,
    "api": api.run,
    "kv-pressure": kv_pressure.run,
    "lifecycle": lifecycle.run,
    "memory": memory.run,
    "performance": performance.run,
}


def run_gate(
    context: Context,
    suites: Sequence[str],
    *,
    now: datetime,
    progress: Callable[[str], None],
    setup: Iterable[Check] = (),
    available: Mapping[str, Suite] = SUITES,
) -> GateResult:
    """Asks everything and judges the answers.

    Args:
        context: the two engines and the models.
        suites: names, in the order in which they run.
        now: when this started.
        progress: told the name of every suite when it begins.
        setup: checks that the set-up made.
        available: the suites by name.

    Raises:
        UsageError: there is no suite of that name.
    """
    began = time.perf_counter()
    refuse_unknown(suites, among=available)
    checks: list[Check] = list(setup)
    measurements: list[Measurement] = []
    for number, name in enumerate(suites, start=1):
        progress(f"gate: {name} ({number} of {len(suites)})")
        for answer in _answers(name, available[name], context, earlier=checks):
            if isinstance(answer, Check):
                checks.append(answer)
            else:
                measurements.append(answer)
    baseline = context.baseline
    return GateResult(
        schema=1,
        verdict=judge(checks, measurements, compared=baseline is not None and not baseline.refused),
        engines=Engines(
            candidate=context.candidate.facts, baseline=baseline.facts if baseline else None
        ),
        host=host.facts(),
        checks=tuple(checks),
        performance=tuple(measurements),
        started=now,
        seconds=round(time.perf_counter() - began, 3),
    )


def refuse_unknown(suites: Iterable[str], *, among: Iterable[str]) -> None:
    """Raises UsageError for the first name that is no suite."""
    names = tuple(among)
    for name in suites:
        if name not in names:
            raise UsageError(f"there is no suite `{name}`", hint=f"there are {', '.join(names)}")


def _answers(
    name: str, suite: Suite, context: Context, *, earlier: Iterable[Check]
) -> Iterator[Check | Measurement]:
    """What a suite says; speed is of no interest where the engine has been found wrong."""
    wrong = next((check.id for check in earlier if is_fatal(check)), None)
    if name == "performance" and wrong:
        yield from performance.skipped(context, f"{wrong} has failed")
        return
    since = time.perf_counter()
    try:
        for answer in suite(context):
            if isinstance(answer, Check):
                yield _timed(answer, seconds=time.perf_counter() - since)
                since = time.perf_counter()
            else:
                yield answer
    except EngineCIError as problem:
        yield _not_asked(name, problem)


def _timed(check: Check, *, seconds: float) -> Check:
    return check if check.seconds else check.model_copy(update={"seconds": round(seconds, 3)})


def _not_asked(suite: str, problem: EngineCIError) -> Check:
    return Check(
        id=f"{suite}/harness",
        suite=suite,
        status=Status.ERROR,
        fault_class=FaultClass.HARNESS,
        expected="the suite runs to its end",
        observed=problem.message,
        detail=problem.hint or "",
    )
