"""Keeps one engine up: one loop owns its state, and never waits for the engine.

Whoever wants something, and whatever happens, puts an occurrence into one queue. The loop takes
them one by one, asks `lifecycle` what follows, tells it to the channel, and has a thread do it: a
`life` of an engine from its start to its end, a `stop`, a `check` of its health. These wait for as
long as they have to, and put what came of it into the queue. That time has passed is an occurrence
like any other, so a request to stop cuts every wait short.
"""

from __future__ import annotations

import queue
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, Self

from engine_ci.engine import lifecycle
from engine_ci.engine.events import Channel, HealthDegraded, StateChanged
from engine_ci.engine.launch import Life, RunningT
from engine_ci.engine.lifecycle import (
    Action,
    BecameReady,
    Checked,
    Ended,
    Refused,
    Situation,
    StartAsked,
    StopAsked,
    TimePassed,
)
from engine_ci.engine.restarts import Policy
from engine_ci.engine.states import Failed, NotSpawning, Ready, Restarting
from engine_ci.errors import ClaimError, EngineDiedError, EngineStartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.engine.launch import Launch
    from engine_ci.engine.lifecycle import Occurrence
    from engine_ci.engine.states import State


class _Entry(NamedTuple):
    occurrence: Occurrence
    taken: threading.Event


class Runtime(Generic[RunningT]):
    """One engine, kept up until `close`; the process does not end before."""

    def __init__(
        self,
        launch: Callable[[], Launch[RunningT]],
        *,
        name: str,
        policy: Policy | None = None,
        may_spawn: Callable[[], str | None] = lambda: None,
        events: Channel | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is started yet.

        Args:
            launch: prepares one start, without any effect.
            name: of the engine, in events and in the names of threads.
            policy: how the engine is kept up; the usual one if not given.
            may_spawn: why no engine is to be spawned, if so; asked before every start.
            events: where they are published.
            clock: seconds, for all waits.
            now: the time of day, for events only; it may jump.
        """
        self._launch = launch
        self._name = name
        self._policy = policy or Policy()
        self._may_spawn = may_spawn
        self._events = events or Channel()
        self._clock = clock
        self._now = now
        self._queue: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._situation = Situation()
        self._life: Life[RunningT] | None = None
        self._closing = self._closed = False
        self._restarts = 0
        self._jobs: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._loop, name=f"{name} runtime")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> State:
        """The state at this moment."""
        return self._situation.state

    @property
    def engine(self) -> RunningT | None:
        """The engine while it is ready."""
        with self._changed:
            return self._life.engine if self._life and isinstance(self.state, Ready) else None

    @property
    def ailment(self) -> str | None:
        """What the last check of its health found."""
        return self._situation.ailment

    @property
    def restarts(self) -> int:
        """How often it was to be started again after a crash."""
        return self._restarts

    def start(self) -> None:
        """Asks for the engine, and returns when it is starting; nothing where it runs already."""
        self._ask(StartAsked())

    def stop(self, *, at_once: bool = False) -> None:
        """Ends the engine, and returns when nothing is left of it.

        Another one that says `at_once` takes the grace from the first.
        """
        self._ask(StopAsked(at_once))
        self.wait()

    def ready(self) -> RunningT:
        """Waits for the engine, over restarts too.

        Raises:
            EngineStartError: it was not to be spawned, or stopped.
            Exception: what it failed of.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_settled() or isinstance(self.state, Ready))
            if engine := self.engine:
                return engine
            raise self._why_not()

    def wait(self) -> None:
        """Returns when nothing runs, and nothing will unless a start is asked for."""
        with self._changed:
            self._changed.wait_for(self._is_settled)

    def wait_for(
        self, predicate: Callable[[State], bool], *, timeout_s: float | None = None
    ) -> bool:
        """Whether a state for which `predicate` holds was seen in time.

        One that passes quickly may be missed here; listeners hear of all.
        """
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self.state), timeout_s)

    def close(self) -> None:
        """Stops the engine, and ends all threads."""
        with self._changed:
            self._closing = True
        self.stop()
        self._thread.join()
        for job in self._jobs:
            job.join()

    def _why_not(self) -> Exception:
        """Why there is no engine, of one that is at rest."""
        problem = self._life.problem if self._life else None
        match self.state:
            case NotSpawning(reason=reason):
                return EngineStartError(f"no engine is started: {reason}")
            case Failed(last_error=error):  # one that was ill ended in another way than by that
                return problem if problem and str(problem) == error else EngineDiedError(error)
            case _:
                return EngineStartError("the engine was stopped before it was ready")

    def _is_settled(self) -> bool:
        return self._closed or self._situation.at_rest

    def _ask(self, occurrence: Occurrence) -> None:
        """Returns when the loop has taken it; of what is closed nothing can be asked."""
        taken = threading.Event()
        with self._changed:
            if self._closed or (self._closing and isinstance(occurrence, StartAsked)):
                return
            self._queue.put(_Entry(occurrence, taken))
        taken.wait()

    def _tell(self, occurrence: Occurrence) -> None:
        self._queue.put(_Entry(occurrence, threading.Event()))

    def _loop(self) -> None:
        try:
            while not (self._closing and self._situation.at_rest):
                entry = self._next()
                try:
                    self._take(entry.occurrence)
                finally:
                    entry.taken.set()
        finally:  # whatever went wrong, nothing is left, and nobody waits for it
            self._give_up()

    def _give_up(self) -> None:
        if self._life:
            self._life.launch.end(at_once=True)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        while not self._queue.empty():
            self._queue.get().taken.set()

    def _next(self) -> _Entry:
        due = self._situation.due
        left = None if due is None else min(max(0.0, due - self._clock()), threading.TIMEOUT_MAX)
        try:
            return self._queue.get(timeout=left)
        except queue.Empty:
            return _Entry(TimePassed(), threading.Event())

    def _take(self, occurrence: Occurrence) -> None:
        before = self._situation
        situation, action = lifecycle.after(
            before, occurrence, now=self._clock(), policy=self._policy
        )
        with self._changed:
            self._situation = situation
            if situation.state != before.state:
                self._restarts += isinstance(situation.state, Restarting)
                self._publish_change(before.state, situation.state, reason=occurrence.reason)
                self._changed.notify_all()
        if action:
            self._act(action, reason=occurrence.reason)

    def _publish_change(self, before: State, to: State, *, reason: str) -> None:
        self._events.publish(
            StateChanged(engine=self._name, from_=before, to=to, at=self._now(), reason=reason)
        )

    def _act(self, action: Action, *, reason: str) -> None:
        life = self._life
        if life is None or action is Action.LAUNCH:
            self._life = life = Life(self._launch())
            self._run(partial(self._live, life), what="life")
        elif action is Action.CHECK:
            self._run(partial(self._check, life), what="check")
        elif action is Action.WARN:
            self._events.publish(HealthDegraded(engine=self._name, at=self._now(), reason=reason))
        else:
            self._run(partial(life.launch.end, at_once=action is Action.KILL), what="stop")

    def _run(self, job: Callable[[], None], *, what: str) -> None:
        thread = threading.Thread(target=job, name=f"{self._name} {what}")
        thread.start()
        self._jobs = [job for job in self._jobs if job.is_alive()] + [thread]

    def _live(self, life: Life[RunningT]) -> None:
        """An engine from its start to its end."""
        try:
            if reason := self._may_spawn():
                self._tell(Refused(reason))
                return
            with life.launch as life.engine:
                self._tell(BecameReady(f"it answers at {life.engine.address}"))
                life.problem = life.engine.outlive()
        except ClaimError as refusal:
            self._tell(Refused(refusal.message))
            return
        except Exception as problem:  # noqa: BLE001 - what is not told here is told nowhere
            life.problem = problem
        self._tell(Ended(str(life.problem)))

    def _check(self, life: Life[RunningT]) -> None:
        timeout_s = self._policy.health_limit_s
        try:
            ailment = life.engine.ailment(timeout_s=timeout_s) if life.engine else None
        except Exception as problem:  # noqa: BLE001 - the loop waits for an answer
            ailment = str(problem)
        with self._changed:
            if life is self._life:
                self._tell(Checked(ailment))
