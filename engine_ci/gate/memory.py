"""Asks one engine for many different prompts, and judges what it keeps in memory of them.

An engine may fill a documented cache of prompts, so it is asked with none, and with one that is
full before anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.engine import usage
from engine_ci.gate import statistics
from engine_ci.gate.checking import Answer
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.usage import Memory

# `--cache-ram` in MiB; a state of our sensitive model takes 24 KiB, so that 42 of them fill it.
NO_CACHE: Final = ("--cache-ram", "0")
SMALL_CACHE: Final = ("--cache-ram", "1")

_WARM_UPS: Final = 50
_PROMPTS: Final = 40
_TOKENS: Final = 96
_COUNT: Final = 2
# Of the vocabulary of our models; what follows are their special tokens.
_ORDINARY: Final = 350
# Good builds keep less than 1 KiB of a request, and one lost state is 24 KiB.
_LIMIT: Final = 16 << 10
_CONFIDENCE: Final = 0.99
_MORE: Final = 1.2
_MUCH: Final = 64 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """What an engine held.

    Attributes:
        rounds: bytes of its own after each prompt; a second round where the first seemed to grow.
        after: all of it, at the end.
    """

    rounds: tuple[tuple[int, ...], ...]
    after: Memory


def grow(seed: int, engine: Engine) -> Growth:
    """Asks for many prompts, and for as many again where memory grew: a leak goes on.

    Raises:
        EngineAnswerError: one of them was not answered.
    """
    prompts = np.random.default_rng(seed)
    _ask(engine, prompts, _WARM_UPS)
    rounds = [_ask(engine, prompts, _PROMPTS)]
    if grows(rounds[0]):
        rounds.append(_ask(engine, prompts, _PROMPTS))
    return Growth(rounds=tuple(rounds), after=usage.memory(engine.pid))


def _ask(engine: Engine, prompts: Generator, count: int) -> tuple[int, ...]:
    held = []
    for prompt in prompts.integers(_ORDINARY, size=(count, _TOKENS)).tolist():
        # A build that goes on past no end has not another memory for it.
        engine.client.complete(prompt, count=_COUNT, cache=True, ignore_eos=False)
        held.append(usage.memory(engine.pid).own)
    return tuple(held)


def grows(held: Sequence[int]) -> bool:
    """Whether more than the limit stays of each request, and surely some of it."""
    trend = statistics.trend(held, confidence=_CONFIDENCE)
    return trend.slope > _LIMIT and trend.low > 0


def judge_growth(growth: Growth) -> Answer:
    """Fails what grew in one round and in the next."""
    leaks = all(grows(held) for held in growth.rounds)
    trends = [statistics.trend(held, confidence=_CONFIDENCE) for held in growth.rounds]
    told = ", then ".join(
        f"{trend.slope / 1024:.2f} KiB per request (at least {trend.low / 1024:.2f})"
        for trend in trends
    )
    return Answer(
        status=Status.FAIL if leaks else Status.PASS,
        observed=f"{told}; {_mib(growth.after.own)} in the end",
        detail="KiB: " + " ".join(f"{held >> 10}" for held in growth.rounds[-1]) if leaks else "",
    )


def judge_peak(candidate: Memory, baseline: Memory) -> Answer:
    """Fails what takes a fifth more and 64 MiB more than the baseline, of its own or at the peak.

    What is mapped from files counts at the peak, too: model and flags are the same.
    """
    much = any(
        now > before * _MORE and now - before > _MUCH
        for now, before in (
            (candidate.own, baseline.own),
            (candidate.peak, baseline.peak),
        )
    )
    return Answer(
        status=Status.FAIL if much else Status.PASS,
        observed=f"{_told(candidate)}; baseline {_told(baseline)}",
    )


def _told(memory: Memory) -> str:
    return f"{_mib(memory.own)} of its own, {_mib(memory.peak)} at the peak"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
