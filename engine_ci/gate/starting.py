"""Starts both engines several times in turn: how long it takes, and what their logs say."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.engine import backends, metrics, usage
from engine_ci.engine import log as logs
from engine_ci.engine.metrics import Answered
from engine_ci.errors import EngineAnswerError, EngineError
from engine_ci.gate import asking
from engine_ci.gate.asking import Mode
from engine_ci.gate.checking import Answer, NotAskedError
from engine_ci.records.gate import Status
from engine_ci.records.runtime import Grade

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.engine.backends import Backends
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.records.runtime import Measured

_TIMES: Final = 3
# Twice as long can be a library more; half a second more of it is felt.
_SLOW: Final = 2.0
_FELT_S: Final = 0.5
# The kernel counts CPU time in these.
_TICK_S: Final = 0.01
# Asked once after each start.
_PROMPT: Final = "Hello"
_TOKENS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start, until the first token.

    Attributes:
        seconds: by the clock.
        cpu_s: of the engine's own time.
        backends: what its log says it computes with.
        measured: what a runtime tells of it after one answer.
    """

    seconds: float
    cpu_s: float
    backends: Backends
    measured: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A start of either engine, one right after the other."""

    candidate: Start
    baseline: Start


def pairs(context: Context, located: LocatedModel) -> tuple[Pair, ...]:
    """Starts both in turn with the app's own flags, and a log that says more.

    Raises:
        EngineError: the candidate does not start.
        NotAskedError: there is no baseline, or it does not start.
    """
    return tuple(_pair(context, located, number) for number in range(1, _TIMES + 1))


def _pair(context: Context, located: LocatedModel, number: int) -> Pair:
    candidate = _start(context, context.candidate, located, number)
    if context.baseline is None:
        raise NotAskedError(f"there is no baseline that runs; the candidate: {candidate.backends}")
    try:
        baseline = _start(context, context.baseline, located, number)
    except EngineError as problem:
        raise NotAskedError(f"the baseline: {problem.message}") from problem
    return Pair(candidate=candidate, baseline=baseline)


def _start(context: Context, subject: Subject, located: LocatedModel, number: int) -> Start:
    with asking.session(
        context,
        subject,
        suite=f"lifecycle-start-{number}",
        located=located,
        mode=Mode.APP,
        extra=backends.VERBOSE,
    ) as opened:
        start = opened.answer(_started)
    subject.computes.append(start.backends)
    subject.starts.append(start.measured)
    return start


def _started(engine: Engine) -> Start:
    cpu_s = engine.process.cpu_s()
    return Start(
        seconds=engine.started_s,
        cpu_s=cpu_s,
        backends=backends.parse(logs.head(engine.log)),
        measured=metrics.measured(
            Grade.OK, engine=engine, memory=usage.memory(engine.pid), answers=_answers(engine)
        ),
    )


def _answers(engine: Engine) -> list[Answered]:
    """One answer; none where it cannot be streamed, which others ask about."""
    with suppress(EngineAnswerError):
        asked = time.perf_counter()
        return [Answered.of(engine.client.stream(_PROMPT, count=_TOKENS), asked=asked)]
    return []


def judge(found: Sequence[Pair]) -> Answer:
    """Fails when each start took twice as long and half a second more, in CPU time too."""
    clock = [(pair.candidate.seconds, pair.baseline.seconds) for pair in found]
    cpu = [(pair.candidate.cpu_s, pair.baseline.cpu_s) for pair in found]
    ratio = min(now / max(before, _TICK_S) for now, before in clock + cpu)
    more = min(now - before for now, before in clock + cpu)
    slow = Status.FAIL if more >= _FELT_S else Status.WARN
    return Answer(
        status=slow if ratio >= _SLOW else Status.PASS,
        observed=f"candidate {_told(pair.candidate for pair in found)}; "
        f"baseline {_told(pair.baseline for pair in found)}",
    )


def _told(starts: Iterable[Start]) -> str:
    return ", ".join(f"{start.seconds:.2f} s (CPU {start.cpu_s:.2f} s)" for start in starts)
