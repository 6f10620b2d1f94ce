"""Pure. In which order requests are served where only one of several engines can run at a time.

To end one engine and start another takes longer than most answers. So requests are collated by
engine, ABCABC as AABBCC, yet nobody waits for ever; and what is to be compared stays together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something to ask of one engine.

    Attributes:
        name: what it is known by.
        engine: a model, a build, or both of them, by name.
        pair: requests of one pair are compared with each other; None is of no pair.
        passed: how many that came later were served before it.
    """

    name: str
    engine: str
    pair: str | None = None
    passed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """Who waits, oldest first, and who was served last."""

    waiting: tuple[Request, ...]
    last: Request | None = None

    def served(self, request: Request) -> Queue:
        """What it is when one of them is served: those who were passed know it."""
        place = self.waiting.index(request)
        passed = (replace(older, passed=older.passed + 1) for older in self.waiting[:place])
        return Queue(waiting=(*passed, *self.waiting[place + 1 :]), last=request)

    def joined(self, request: Request) -> Queue:
        """What it is when another one comes."""
        return replace(self, waiting=(*self.waiting, request))


class Strategy(Protocol):
    """Chooses who is next."""

    def choose(self, queue: Queue) -> Request:
        """One of those who wait, of whom there is at least one."""


class InOrder:
    """The oldest is next, whatever it takes to swap."""

    def choose(self, queue: Queue) -> Request:
        """The oldest."""
        return queue.waiting[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Collated:
    """The oldest for the engine that runs is next, unless somebody has been passed too often.

    Attributes:
        most: how many that came later may be served before any request. Whoever passes one that
            waits passes all who came before it too, so it is enough to look at the oldest.
    """

    most: int = 16

    def choose(self, queue: Queue) -> Request:
        """The oldest for the engine that runs, or the oldest of all."""
        oldest = queue.waiting[0]
        return oldest if oldest.passed >= self.most else _first_for_the_last(queue, queue.waiting)


class Paired:
    """Those of one pair follow each other, and every other pair is asked the other way round.

    AB, AB, AB runs as AB, BA, AB: each pair is asked at nearly one time, a steady drift of the host
    favours neither, and half of the swaps are saved. A request without a pair is one by itself.
    """

    def choose(self, queue: Queue) -> Request:
        """The other of the pair that was begun, or of the oldest pair the one that runs."""
        if queue.last and (begun := _of_its_pair(queue.last, queue.waiting)):
            return begun[0]
        oldest = queue.waiting[0]
        return _first_for_the_last(queue, _of_its_pair(oldest, queue.waiting) or (oldest,))


def plan(requests: Sequence[Request], *, strategy: Strategy) -> Iterator[Request]:
    """All of them, oldest first, in the order in which they are to be served."""
    queue = Queue(waiting=tuple(requests))
    while queue.waiting:
        chosen = strategy.choose(queue)
        queue = queue.served(chosen)
        yield chosen


def _first_for_the_last(queue: Queue, among: Sequence[Request]) -> Request:
    """The oldest of some for the engine that was asked last; if there is none, the oldest."""
    running = queue.last and queue.last.engine
    return next((request for request in among if request.engine == running), among[0])


def _of_its_pair(request: Request, others: Sequence[Request]) -> tuple[Request, ...]:
    return tuple(other for other in others if other.pair and other.pair == request.pair)
