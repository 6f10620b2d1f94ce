"""Pure. Whether a pin is stuck, and what the one issue about it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine_ci.bump import body

if TYPE_CHECKING:
    from datetime import datetime

    from engine_ci.records.candidate import Candidate
    from engine_ci.records.polls import Polls

# So many releases and lines of an error, and so many refusals with so many lines of evidence, are
# shown: GitHub refuses a longer text as a whole, and then nobody would be told.
_MOST, _FEW = 20, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When somebody is told: after so many days without progress, or failures in a row."""

    days: int
    failures: int

    @property
    def dry(self) -> timedelta:
        """The days as a length of time."""
        return timedelta(days=self.days)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failing:
    """Polls that fail.

    Attributes:
        since: when the first of them did, as far as it is known.
        at_least: whether earlier ones may have failed too: what was counted got lost.
        count: in a row.
        error: of the last one, and what to do about it.
    """

    since: datetime
    at_least: bool
    count: int
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """How it stands with one pin after a run.

    Attributes:
        version: that is pinned.
        source: of its releases, for people.
        progress: the last time at which a build could be proposed, or the pin moved; None when
            that is not known.
        failing: None when this run's poll worked.
        candidate: what this run found; None when it failed.
    """

    pin: str
    version: str
    source: str
    progress: datetime | None
    failing: Failing | None
    candidate: Candidate | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """What the issue has to say; `since` is when it began."""

    title: str
    body: str
    since: datetime


def failing(polls: Polls, *, error: str) -> Failing | None:
    """What is known of polls that fail; None where the last one worked."""
    if polls.failing_since is None:
        return None
    return Failing(
        since=polls.failing_since,
        at_least=polls.failing_since <= polls.since,
        count=polls.failures,
        error=error,
    )


def alarm(facts: Facts, *, limits: Limits, now: datetime) -> Alarm | None:
    """What somebody has to be told; None where the pin is not stuck.

    The text tells dates and no counts, so that it changes with the facts and not from day to day.
    """
    dry = facts.progress if is_dry(facts.progress, limits=limits, now=now) else None
    failed = facts.failing if facts.failing and facts.failing.count >= limits.failures else None
    since = [each for each in (dry, failed and failed.since) if each]
    if not since:
        return None
    text = body.template("stuck.md.j2").render(
        facts=facts,
        limits=limits,
        dry=dry and dry.date(),
        failing=failed,
        candidate=facts.candidate,
        most=_MOST,
        few=_FEW,
        mark=mark(facts.pin),
    )
    title = f"{facts.pin} is stuck at {facts.version}"
    return Alarm(title=title, body=text.strip(), since=min(since))


def is_dry(progress: datetime | None, *, limits: Limits, now: datetime) -> bool:
    """Whether nothing could be proposed for too long; what is not known is not."""
    return progress is not None and now - progress >= limits.dry


def mark(pin: str) -> str:
    """The line by which the issue about a pin is found again."""
    return f"<!-- engine-ci: stuck {pin} -->"
