"""Pure. What has to be done to the issues of a repository so that one says what an alarm says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from engine_ci.bump import stuck

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine_ci.bump.stuck import Alarm, Limits
    from engine_ci.system.github_issues import Issue

# An issue that was closed longer ago is history, and a new one tells more people.
REOPENED_WITHIN = timedelta(days=30)
_RECOVERED = "Polls work, and a build can be proposed or was not long ago. So this is closed."


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """Open a new issue."""

    alarm: Alarm


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewrite:
    """Give an open issue the words of today."""

    number: int
    alarm: Alarm


@dataclass(frozen=True, kw_only=True, slots=True)
class Reopen:
    """Open an issue again, with a comment, which notifies people as an edit does not."""

    number: int
    alarm: Alarm
    comment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    """Close an issue, with a comment that says why."""

    number: int
    comment: str


Action: TypeAlias = Open | Rewrite | Reopen | Close


def actions(
    alarm: Alarm | None,
    issues: Iterable[Issue],
    *,
    pin: str,
    recovered: bool,
    limits: Limits,
    now: datetime,
) -> tuple[Action, ...]:
    """What to do, in this order; nothing where all is as it should be.

    Args:
        alarm: what somebody has to be told.
        issues: with our label, of all pins, open or closed.
        pin: the name of the one that this is about.
        recovered: whether the poll worked. Where it did not and there is no alarm yet, an issue
            that is open stays as it is: the count that opened it may have got lost.
        limits: a person who closes the issue has so many days of peace.
        now: with its time zone.
    """
    ours = [issue for issue in issues if stuck.mark(pin) in issue.body.splitlines()]
    shown = sorted((issue for issue in ours if issue.closed is None), key=lambda each: each.number)
    if alarm is None:
        done = shown if recovered else []
        return tuple(Close(number=issue.number, comment=_RECOVERED) for issue in done)
    if shown:
        return _keep_first(alarm, shown)
    last = max(ours, key=lambda each: str(each.closed), default=None)
    return _raise(alarm, last, limits=limits, now=now)


def _keep_first(alarm: Alarm, shown: list[Issue]) -> tuple[Action, ...]:
    """Two runs at once may have opened one each: the oldest stays, whoever looks."""
    first, *others = shown
    same = (first.title, first.body.strip()) == (alarm.title, alarm.body)
    kept = () if same else (Rewrite(number=first.number, alarm=alarm),)
    comment = f"This is what #{first.number} says."
    return (*kept, *(Close(number=other.number, comment=comment) for other in others))


def _raise(
    alarm: Alarm, again: Issue | None, *, limits: Limits, now: datetime
) -> tuple[Action, ...]:
    if again is None or again.closed is None or now - again.closed > REOPENED_WITHIN:
        return (Open(alarm=alarm),)
    # We close what has recovered only. What went on while it was closed, a person closed.
    if alarm.since < again.closed and now - again.closed < limits.dry:
        return ()
    comment = f"Stuck again, since {alarm.since.date()}: the text above says why."
    return (Reopen(number=again.number, alarm=alarm, comment=comment),)
