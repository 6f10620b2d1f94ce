"""Engines that are nothing but what a test makes of them, and a clock that a test moves."""

from __future__ import annotations

import queue
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from engine_ci.engine.events import Channel, StateChanged
from engine_ci.engine.lifecycle import TimePassed
from engine_ci.engine.restarts import Policy
from engine_ci.engine.runtime import Runtime
from engine_ci.errors import ClaimError, EngineCIError, EngineDiedError, EngineStartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.engine.events import Event

SOON_S = 20.0
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Launched:
    """One start, and its engine."""

    address = "nowhere"

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.inside = False
        self.ends: list[bool] = []
        self.lingers = False
        self.checks: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()
        self._begun: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._over: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        self.inside = True
        self.entered.set()
        if problem := self._begun.get():
            self.inside = False
            raise problem
        return self

    def __exit__(self, *_: object) -> None:
        self.inside = False

    def end(self, *, at_once: bool) -> None:
        self.ends.append(at_once)
        if at_once or not self.lingers:
            self.crash("was ended")

    def outlive(self) -> EngineCIError:
        return EngineDiedError(self._over.get())

    def ailment(self, *, timeout_s: float) -> str | None:
        assert timeout_s == Policy().health_limit_s
        answer = self.checks.get(timeout=SOON_S)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def refuse(self, why: str) -> None:
        """Finds out that it must not be started."""
        self._begun.put(ClaimError(why))

    def become_ready(self) -> None:
        self._begun.put(None)

    def crash(self, how: str) -> None:
        """Ends it, whether it has become ready or not."""
        self._begun.put(EngineStartError(how))
        self._over.put(how)


class Stage:
    """A runtime of such engines."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.launches: list[Launched] = []
        self.refusal: str | None = None
        self.seconds = 0.0
        self.day = NOON
        self.channel = Channel()
        self._listener = self.channel.listen()
        self.runtime = Runtime(
            self._launch,
            name="it",
            policy=policy,
            may_spawn=lambda: self.refusal,
            events=self.channel,
            clock=lambda: self.seconds,
            now=lambda: self.day,
        )

    def _launch(self) -> Launched:
        self.launches.append(Launched())
        return self.launches[-1]

    @property
    def last(self) -> Launched:
        return self.launches[-1]

    @property
    def name(self) -> str:
        return self.runtime.state.name

    def start(self) -> Launched:
        """A ready engine."""
        self.runtime.start()
        self.last.become_ready()
        self.until("ready")
        return self.last

    def spawn(self) -> None:
        """Waits until what is launched is there, or refused."""
        if self.refusal:
            self.until("not_spawning")
        else:
            assert self.last.entered.wait(SOON_S)

    def until(self, *names: str) -> None:
        assert self.runtime.wait_for(lambda state: state.name in names, timeout_s=SOON_S), self.name

    def move(self, seconds: float) -> None:
        """Moves the clock, and returns when the loop has looked at it."""
        self.seconds += seconds
        self.runtime._ask(TimePassed())

    def pass_time_until(self, condition: Callable[[], bool]) -> None:
        """Moves the clock from check to check, while threads do what is due."""
        deadline = time.monotonic() + SOON_S
        while not condition():
            assert time.monotonic() < deadline
            self.move(5)
            time.sleep(0.001)

    def close(self) -> list[Event]:
        """All that was told."""
        self.runtime.close()
        self.channel.close()
        return list(self._listener)


def changes(events: list[Event]) -> list[str]:
    """The names of the states that were gone through, each of which began where one had ended."""
    told = [event for event in events if isinstance(event, StateChanged)]
    names: list[str] = ["stopped", *(event.to.name for event in told)]
    assert [event.from_.name for event in told] == names[:-1]
    assert all(before.to == after.from_ for before, after in pairwise(told))
    return names[1:]
