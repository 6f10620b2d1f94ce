"""What a runtime tells, and the channel through which any number of listeners hear it.

Every listener has a queue of its own: it gets every event that is published while it listens, in
order, when it asks for it. So one that is slow or fails keeps nobody waiting.
"""

from __future__ import annotations

import queue
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from engine_ci.engine.states import State
from engine_ci.system.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class StateChanged(Document):
    """An engine went from one state to another; `reason` says on what occasion.

    Attributes:
        kind: the name of the event.
        engine: the name of the one it is about.
        at: when it happened.
        from, to: the states, which are never equal.
        reason: on what occasion.
    """

    model_config = ConfigDict(populate_by_name=True)

    kind: Literal["runtime.state.changed"] = "runtime.state.changed"
    engine: str
    from_: State = Field(alias="from")
    to: State
    at: datetime
    reason: str

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.from_ == self.to:
            raise ValueError(f"no change: {self.to.name}")
        return self


class ClaimAcquired(Document):
    """An engine is what it was asked to be.

    Attributes:
        kind: the name of the event.
        engine: the name of the one it is about.
        at: when it happened.
        bundle: the one that serves.
        others: why the bundles before it did not.
    """

    kind: Literal["runtime.claim.acquired"] = "runtime.claim.acquired"
    engine: str
    at: datetime
    bundle: str
    others: tuple[str, ...] = ()


class ClaimRejected(Document):
    """It cannot, for these reasons.

    Attributes:
        kind: the name of the event.
        engine: the name of the one it is about.
        at: when it happened.
        reasons: why nothing of the catalog can be it.
    """

    kind: Literal["runtime.claim.rejected"] = "runtime.claim.rejected"
    engine: str
    at: datetime
    reasons: tuple[str, ...]


class FallbackEngaged(Document):
    """It cannot, for these reasons, and the named fallback serves instead.

    Attributes:
        kind: the name of the event.
        engine: the name of the one it is about.
        at: when it happened.
        fallback: the name of what serves instead.
        reasons: why what was claimed cannot.
    """

    kind: Literal["runtime.fallback.engaged"] = "runtime.fallback.engaged"
    engine: str
    at: datetime
    fallback: str
    reasons: tuple[str, ...]


class HealthDegraded(Document):
    """A check of an engine's health failed that had not failed the time before.

    Attributes:
        kind: the name of the event.
        engine: the name of the one it is about.
        at: when it happened.
        reason: what the check saw.
    """

    kind: Literal["runtime.health.degraded"] = "runtime.health.degraded"
    engine: str
    at: datetime
    reason: str


Event = Annotated[
    StateChanged | ClaimAcquired | ClaimRejected | FallbackEngaged | HealthDegraded,
    Field(discriminator="kind", description="What happened to an engine that is kept up."),
]


class Listener:
    """One listener's events, oldest first; to iterate is to wait for the next."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[Event]:
        """Every event, until it is forgotten or the channel is closed."""
        while event := self._events.get():
            yield event
        self.hear(None)

    def hear(self, event: Event | None) -> None:
        """Keeps an event until it is asked for; None is the end."""
        self._events.put(event)


class Channel:
    """Where events are published. Nothing here waits for anybody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._closed = False

    def listen(self) -> Listener:
        """A listener that hears all that is published from now on; of a closed channel nothing."""
        listener = Listener()
        with self._lock:
            if self._closed:
                listener.hear(None)
            self._listeners.append(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Tells it nothing more; it ends with what it has heard so far."""
        with self._lock:
            self._listeners.remove(listener)
            listener.hear(None)

    def publish(self, event: Event) -> None:
        """Tells all listeners; in the same order to each, from whatever thread."""
        with self._lock:
            for listener in self._listeners:
                listener.hear(event)

    def close(self) -> None:
        """Ends all listeners, once they have heard what was published before."""
        with self._lock:
            self._closed = True
            for listener in self._listeners:
                listener.hear(None)


def write_lines(listener: Listener, stream: TextIO) -> None:
    """Writes events as JSON, one a line as soon as it is heard, until the listener ends."""
    for event in listener:
        stream.write(f"{event.model_dump_json()}\n")
        stream.flush()
