"""Pure. Whether it is time for another proposal: a reviewer reads one a week, not one a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from engine_ci import config
from engine_ci.config import EveryBuilds
from engine_ci.records.candidate import Postponed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.pins.model import Version
    from engine_ci.records.candidate import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposals:
    """What was proposed to the app before.

    Attributes:
        last: when the last proposal was made, or the pin moved, whichever is later; None where
            neither is known.
        version: of the last proposal.
        closed: versions of proposals that a person closed.
        waiting: whether a proposal of ours is open: it is brought up to date, which is no new one.
    """

    last: datetime | None = None
    version: Version | None = None
    closed: frozenset[Version] = frozenset()
    waiting: bool = False


NONE = Proposals()


def postponed(
    release: Release,
    *,
    newer: Sequence[Version],
    proposals: Proposals,
    propose: config.Interval | EveryBuilds,
    now: datetime,
) -> Postponed | None:
    """What a release waits for; None where it may be proposed now.

    Args:
        release: the one that would be proposed.
        newer: the versions that are newer than the pin, its own among them, newest first.
        proposals: what was proposed before.
        propose: how often.
        now: with its time zone.
    """
    if proposals.waiting:
        return None
    if isinstance(propose, EveryBuilds):
        return _for_builds(release, newer=newer, last=proposals.version, least=propose.every_builds)
    return _for_days(release, last=proposals.last, least=config.days(propose), now=now)


def _for_builds(
    release: Release, *, newer: Sequence[Version], last: Version | None, least: int
) -> Postponed | None:
    begin = newer.index(last) if last in newer else len(newer)
    # One that is older than the last proposal is not what came since.
    seen = max(begin - newer.index(release.version), 0)
    if seen >= least:
        return None
    what = f"{last} was proposed" if last in newer else "the pin"
    reason = (
        f"waits for {least - seen} more builds: {seen} came since {what}, {least} are asked for"
    )
    return Postponed(version=release.version, reason=reason)


def _for_days(
    release: Release, *, last: datetime | None, least: int, now: datetime
) -> Postponed | None:
    # A time to come is some clock's fault, and must not keep the pin where it is for ever.
    if last is None or last > now + timedelta(days=1):
        return None
    last = last.astimezone(UTC)
    # In days, so that a schedule that runs a little early does not lose a whole turn.
    due = last.date() + timedelta(days=least)
    if now.astimezone(UTC).date() >= due:
        return None
    return Postponed(
        version=release.version,
        until=datetime.combine(due, time(), UTC),
        reason=(
            f"waits until {due.isoformat()}: one proposal in {least} days, "
            f"the last was on {last.date().isoformat()}"
        ),
    )
