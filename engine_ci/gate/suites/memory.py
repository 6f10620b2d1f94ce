"""Does the candidate keep memory of requests that are over, or take much more than the baseline?"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final

from engine_ci.errors import EngineError
from engine_ci.gate import asking
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import NotAskedError, Question
from engine_ci.gate.memory import NO_CACHE, SMALL_CACHE, grow, judge_growth, judge_peak
from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from engine_ci.engine.usage import Memory
    from engine_ci.gate.asking import Session
    from engine_ci.gate.checking import Answer
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.records.gate import Check

SUITE = "memory"


def _question(name: str, expected: str) -> Question:
    return Question(suite=SUITE, name=name, fault_class=FaultClass.MEMORY, expected=expected)


_GROWTH: Final = _question("growth", "nothing stays of a request that is over")
_GROWTH_APP: Final = _question("growth-app", "nothing but a cache of prompts, which is full")
_PEAK: Final = _question("peak", "not a fifth and 64 MiB more than the baseline")


def run(context: Context) -> Iterator[Check]:
    """Three checks with the first sensitive model and the app's own flags.

    To no prompt does it say half a character, which some builds refuse to answer.
    """
    for located in asking.models(context, "sensitive")[:1]:
        yield from _checks(context, located)


def _checks(context: Context, located: LocatedModel) -> Iterator[Check]:
    grown = partial(grow, context.seed)
    with _opened(context, context.candidate, located, NO_CACHE) as opened:
        yield _GROWTH.ask(lambda: judge_growth(opened.answer(grown)))
    with _opened(context, context.candidate, located, SMALL_CACHE) as with_cache:
        growth = cache(lambda: with_cache.answer(grown))
        yield _GROWTH_APP.ask(lambda: judge_growth(growth()))
        yield _PEAK.ask(lambda: _compared(context, located, growth().after))


def _opened(
    context: Context, subject: Subject, located: LocatedModel, extra: tuple[str, ...]
) -> AbstractContextManager[Session]:
    suite = f"{SUITE}-{'without' if extra == NO_CACHE else 'with'}-cache"
    return session(context, subject, suite=suite, located=located, mode=Mode.APP, extra=extra)


def _compared(context: Context, located: LocatedModel, candidate: Memory) -> Answer:
    if context.baseline is None:
        raise NotAskedError("there is no baseline that runs")
    try:
        with _opened(context, context.baseline, located, SMALL_CACHE) as opened:
            baseline = opened.answer(partial(grow, context.seed)).after
    except EngineError as problem:
        raise NotAskedError(f"the baseline: {problem.message}") from problem
    return judge_peak(candidate, baseline)
