"""Runs the suites, whatever becomes of each, and collects what they say.

Those that nothing disturbs run side by side: to ask an engine is mostly to wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from engine_ci.engine import process
from engine_ci.errors import EngineCIError, UsageError
from engine_ci.gate import asking, facts, host
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
    pictures,
    real,
    tokenizer,
    tokens,
)
from engine_ci.gate.tally import Tally
from engine_ci.records.gate import (
    Check,
    Engines,
    FaultClass,
    GateResult,
    Measurement,
    Status,
)
from engine_ci.system import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from engine_ci.gate.tally import Told

Said: TypeAlias = Check | Measurement
Suite: TypeAlias = Callable[[Context], Iterable[Said]]

SUITES: Final[Mapping[str, Suite]] = {
    "loads": loads.run,
    "tokens": tokens.run,
    "drift": drift.run,
    "tokenizer": tokenizer.run,
    "chat": chat.run,
    "embeddings": embeddings.run,
    "pictures": pictures.run,
    "real": real.run,
    "api": api.run,
    "kv-pressure": kv_pressure.run,
    "lifecycle": lifecycle.run,
    "memory": memory.run,
    "performance": performance.run,
}
# What runs side by side, after `loads`, which tells the others what not to wait for. `lifecycle`
# gives a port back that another engine might take, and takes time like `performance`.
_TOGETHER: Final = 1
_STAGES: Final[Mapping[str, int]] = {"loads": 0, "lifecycle": 2, "performance": 3}


def run_gate(
    context: Context,
    suites: Sequence[str],
    *,
    now: datetime,
    progress: Callable[[str], None],
    told: Told = lambda *_: None,
    setup: Iterable[Check] = (),
    available: Mapping[str, Suite] = SUITES,
) -> GateResult:
    """Asks everything and judges the answers.

    Args:
        context: the two engines and the models.
        suites: names, in the order of the answers, but for those that run by themselves.
        now: when this started.
        progress: told the names of the suites that begin.
        told: how many suites have ended, of how many, and how many checks there are.
        setup: checks that the set-up made.
        available: the suites by name.

    Raises:
        UsageError: there is no suite of that name.
    """
    began = time.perf_counter()
    refuse_unknown(suites, among=available)
    checks: list[Check] = list(setup)
    measurements: list[Measurement] = []
    tally = Tally(len(set(suites)), told=told)
    with interrupts.ending(process.kill_all):
        for group in _groups(suites):
            progress(f"gate: {', '.join(group)}")
            for answer in _answers(group, available, context, earlier=checks, tally=tally):
                if isinstance(answer, Check):
                    checks.append(answer)
                else:
                    measurements.append(answer)
    baseline = context.baseline
    return GateResult(
        schema=1,
        verdict=judge(checks, measurements, compared=baseline is not None and not baseline.refused),
        engines=Engines(
            candidate=facts.told(context.candidate),
            baseline=facts.told(baseline) if baseline else None,
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


def _groups(suites: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The suites, each once, by what runs at the same time."""

    def stage(name: str) -> int:
        return _STAGES.get(name, _TOGETHER)

    for _, group in groupby(sorted(dict.fromkeys(suites), key=stage), key=stage):
        yield tuple(group)


def _answers(
    group: Sequence[str],
    available: Mapping[str, Suite],
    context: Context,
    *,
    earlier: Iterable[Check],
    tally: Tally,
) -> Iterable[Said]:
    """What the suites of a group say, in their order."""
    wrong = next((check.id for check in earlier if is_fatal(check)), None)

    def said(name: str) -> Iterator[Said]:
        return tally.counted(_said(name, available[name], context, wrong=wrong))

    # One by itself runs in this thread, which can be interrupted at any time.
    return said(group[0]) if len(group) == 1 else asking.side_by_side(said, group)


def _said(name: str, suite: Suite, context: Context, *, wrong: str | None) -> Iterator[Said]:
    """What a suite says; speed is of no interest where the engine has been found wrong."""
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
