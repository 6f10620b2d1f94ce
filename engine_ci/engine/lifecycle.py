"""Pure. What may happen to one engine in each of its states, and what is done about it.

| state          | an engine is there | it leaves the state when                                |
| -------------- | ------------------ | ------------------------------------------------------- |
| `stopped`      | no                 | a start is asked for                                    |
| `starting`     | soon               | it is refused, answers or ends, or a stop is asked for  |
| `ready`        | yes                | it ends, is ill for two checks, or a stop is asked for  |
| `stopping`     | yes                | nothing of it is left                                   |
| `restarting`   | no                 | the backoff is over, or a stop is asked for             |
| `failed`       | no                 | a start is asked for                                    |
| `not_spawning` | no                 | a start is asked for                                    |

What comes too late to matter, such as the readiness of an engine that is to be stopped, changes
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.engine.states import (
    Failed,
    NotSpawning,
    Ready,
    Restarting,
    Starting,
    State,
    Stopped,
    Stopping,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine_ci.engine.restarts import Policy


class StartAsked(NamedTuple):
    """Somebody wants the engine."""

    reason: str = "a start was asked for"


class StopAsked(NamedTuple):
    """Somebody wants it to end; `at_once` without the grace."""

    at_once: bool = False
    reason: str = "a stop was asked for"


class Refused(NamedTuple):
    """It is not to be spawned."""

    reason: str


class BecameReady(NamedTuple):
    """It answers."""

    reason: str


class Ended(NamedTuple):
    """Nothing of it is left, whoever ended it."""

    reason: str


class Checked(NamedTuple):
    """Its health was asked for, and `ailment` is what is wrong with it."""

    ailment: str | None

    @property
    def reason(self) -> str:
        """In words."""
        return self.ailment or "it is healthy"


class TimePassed(NamedTuple):
    """It may be time for what is due."""

    reason: str = "it was time"


Occurrence = StartAsked | StopAsked | Refused | BecameReady | Ended | Checked | TimePassed


class Action(Enum):
    """What is to be done, once, on the way into a situation."""

    LAUNCH = auto()
    END = auto()
    KILL = auto()
    CHECK = auto()
    WARN = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """A state, and what has to be known to leave it.

    Attributes:
        crashes: in a row, since the engine was last stable or asked for.
        ready_at: when it became ready, in seconds of the clock.
        due: when the clock has to be looked at; None while nothing depends on it.
        ailment: what the last check found, and why the engine is ended if nobody asked for that.
        again: the engine was asked for while it was being ended.
    """

    state: State = field(default_factory=Stopped)
    crashes: int = 0
    ready_at: float | None = None
    due: float | None = None
    ailment: str | None = None
    again: bool = False

    @property
    def at_rest(self) -> bool:
        """Whether nothing runs, and nothing will unless a start is asked for."""
        return self.due is None and isinstance(self.state, Stopped | Failed | NotSpawning)


Step = tuple[Situation, Action | None]


def after(before: Situation, occurrence: Occurrence, *, now: float, policy: Policy) -> Step:
    """The situation after an occurrence at the time `now`, and what is to be done."""
    return _RULES[before.state.name](before, occurrence, now, policy)


def _resting(before: Situation, occurrence: Occurrence, now: float, _: Policy) -> Step:
    match occurrence:
        case StartAsked():
            return Situation(state=Starting()), Action.LAUNCH
        case StopAsked():
            return replace(before, due=None), None
        case TimePassed() if _is_due(before, now):
            return Situation(state=Starting()), Action.LAUNCH
        case _:
            return before, None


def _starting(before: Situation, occurrence: Occurrence, now: float, policy: Policy) -> Step:
    match occurrence:
        case StopAsked(at_once):
            return _stopping_now(at_once=at_once)
        case Refused(reason):
            return Situation(state=NotSpawning(reason=reason)), None
        case BecameReady():
            due = policy.next_check(now)
            return replace(before, state=Ready(), ready_at=now, due=due), None
        case Ended(reason):
            return _crashed(before, reason, now, policy), None
        case _:
            return before, None


def _ready(before: Situation, occurrence: Occurrence, now: float, policy: Policy) -> Step:
    match occurrence:
        case StopAsked(at_once):
            return _stopping_now(at_once=at_once)
        case Ended(reason):
            return _crashed(before, reason, now, policy), None
        case TimePassed() if _is_due(before, now):
            return replace(before, due=None), Action.CHECK
        case Checked(ailment):
            return _checked(before, ailment, now, policy)
        case _:
            return before, None


def _checked(before: Situation, ailment: str | None, now: float, policy: Policy) -> Step:
    if ailment and before.ailment:
        return replace(before, state=Stopping(), ailment=ailment, due=None), Action.END
    waits = replace(before, ailment=ailment, due=policy.next_check(now))
    return waits, Action.WARN if ailment else None


def _stopping(before: Situation, occurrence: Occurrence, now: float, policy: Policy) -> Step:
    match occurrence:
        case StartAsked():
            return replace(before, again=not before.ailment), None
        case StopAsked(at_once):
            return Situation(state=Stopping()), Action.KILL if at_once else None
        case Ended() if before.ailment:
            return _crashed(before, before.ailment, now, policy), None
        case Ended() | Refused():
            return Situation(due=now if before.again else None), None
        case _:
            return before, None


def _restarting(before: Situation, occurrence: Occurrence, now: float, _: Policy) -> Step:
    match occurrence:
        case StopAsked():
            return Situation(), None
        case TimePassed() if _is_due(before, now):
            return Situation(state=Starting(), crashes=before.crashes), Action.LAUNCH
        case _:
            return before, None


def _stopping_now(*, at_once: bool) -> Step:
    return Situation(state=Stopping()), Action.KILL if at_once else Action.END


def _crashed(before: Situation, error: str, now: float, policy: Policy) -> Situation:
    ready_s = 0.0 if before.ready_at is None else now - before.ready_at
    crashes = policy.crashes(before.crashes, ready_s=ready_s)
    if crashes > policy.budget:
        return Situation(state=Failed(attempts=crashes, last_error=error))
    state = Restarting(attempt=crashes, last_error=error)
    return Situation(state=state, crashes=crashes, due=now + policy.backoff_s(crashes))


def _is_due(situation: Situation, now: float) -> bool:
    return situation.due is not None and now >= situation.due


_RULES: Final[Mapping[str, Callable[[Situation, Occurrence, float, Policy], Step]]] = {
    "stopped": _resting,
    "starting": _starting,
    "ready": _ready,
    "stopping": _stopping,
    "restarting": _restarting,
    "failed": _resting,
    "not_spawning": _resting,
}
