"""Conversations of an app that calls tools: each prompt is the last one, its answer, a result."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING

from engine_ci.errors import EngineRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.engine.client import Completion

    Ask = Callable[[tuple[int, ...]], Completion]

# Any that every model here knows.
_TOKENS = range(10, 200)
_BEGIN = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Loops:
    """Several that overlap.

    Attributes:
        at_once: how many.
        turns: requests of each.
        first: tokens of the first prompt.
        result: tokens of a tool's result.
        count: tokens of an answer.
    """

    at_once: int
    turns: int
    first: int
    result: int
    count: int

    @property
    def longest(self) -> int:
        """Tokens of the last prompt and its answer."""
        return self.first + (self.turns - 1) * (self.count + self.result) + self.count


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What became of one conversation: its answers until the first that failed."""

    answers: tuple[tuple[int, ...], ...]
    failure: EngineRefusedError | None


def run(loops: Loops, ask: Ask) -> list[Told]:
    """All at the same time."""
    begin = Barrier(loops.at_once)
    with ThreadPoolExecutor(loops.at_once) as pool:
        return list(pool.map(partial(_talk, loops, ask, begin), range(loops.at_once)))


def _talk(loops: Loops, ask: Ask, begin: Barrier, seed: int) -> Told:
    chosen = random.Random(seed)
    prompt = (_BEGIN, *chosen.choices(_TOKENS, k=loops.first - 1))
    answers: list[tuple[int, ...]] = []
    begin.wait()
    for _ in range(loops.turns):
        try:
            answer = ask(prompt).tokens
        except EngineRefusedError as failure:
            return Told(answers=tuple(answers), failure=failure)
        answers.append(answer)
        prompt = (*prompt, *answer, *chosen.choices(_TOKENS, k=loops.result))
    return Told(answers=tuple(answers), failure=None)
