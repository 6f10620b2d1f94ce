"""Pure. Questions about a pin: is it complete, how old is it, and what of its holds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine_ci.records.doctor import Answer, Outcome
from engine_ci.records.upstream import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from engine_ci.pins.model import Hold, Pin, Platform
    from engine_ci.records.candidate import Candidate

# A month of upstream is some three hundred builds.
OLD = timedelta(days=30)
# A look at upstream that is older tells little: it publishes every day.
STALE = timedelta(days=7)
SOON = timedelta(days=14)


def complete(pin: Pin, *, platforms: Sequence[Platform]) -> Answer:
    """Whether the pin has a file for every platform that the configuration names."""
    missing = [platform for platform in platforms if platform not in pin.platforms]
    if not missing:
        observed = f"a file for {', '.join(platforms)}"
        return Answer(id="pin/platforms", outcome=Outcome.OK, observed=observed)
    return Answer(
        id="pin/platforms",
        outcome=Outcome.FAIL,
        observed=f"no file for {', '.join(missing)}",
        hint="add them to the pin file, or take them out of `platforms` in the configuration",
    )


def age(moved: datetime | None, *, now: datetime) -> Answer:
    """How long ago the pin moved, by the history of its file."""
    if moved is None:
        return Answer(
            id="pin/age",
            outcome=Outcome.UNKNOWN,
            observed="no commit is known that moved the pin",
            hint="commit the pin file; a clone that is cut off tells after `git fetch --unshallow`",
        )
    days = (now - moved).days
    old = now - moved > OLD
    return Answer(
        id="pin/age",
        outcome=Outcome.WARN if old else Outcome.OK,
        observed=f"moved {days} days ago, on {moved.date()}",
        hint="look at the issue about it, and at the pull request that may wait" if old else "",
    )


def behind(candidate: Candidate | None, *, pin: Pin, now: datetime) -> Answer:
    """How many releases are newer, by what `detect` left about the pin as it is."""
    if candidate is None:
        return _undetected("pin/behind", pin)
    stale = now - candidate.at > STALE
    return Answer(
        id="pin/behind",
        outcome=Outcome.WARN if stale else Outcome.OK,
        observed=f"{candidate.standing.behind} releases behind, on {candidate.at.date()}",
        hint="run `engine-ci detect` again: this is old" if stale else "",
    )


def trouble(candidate: Candidate | None, *, pin: Pin) -> Answer:
    """Whether the pinned release itself ought to be left: held, withdrawn, refused by the gate."""
    if candidate is None:
        return _undetected("pin/trouble", pin)
    troubles = candidate.standing.troubles
    if not troubles:
        return Answer(id="pin/trouble", outcome=Outcome.OK, observed="none that `detect` saw")
    return Answer(
        id="pin/trouble",
        outcome=Outcome.FAIL,
        observed="; ".join(troubles),
        hint="run `engine-ci bump`, which does not wait for its turn then",
    )


def architectures(candidate: Candidate | None, *, pin: Pin) -> Answer:
    """Which models upstream has learnt to load since, by what `detect` left."""
    if candidate is None or candidate.upstream is None:
        return _undetected("pin/architectures", pin)
    missed = candidate.upstream.missed
    if isinstance(missed, Unavailable):
        return Answer(
            id="pin/architectures",
            outcome=Outcome.UNKNOWN,
            observed=missed.reason,
            hint="name upstream's repository in the configuration: `upstream: {repository: …}`",
        )
    if not missed.architectures:
        return Answer(id="pin/architectures", outcome=Outcome.OK, observed="none is missed")
    return Answer(
        id="pin/architectures",
        outcome=Outcome.WARN,
        observed=f"not known to this engine: {', '.join(missed.architectures)}",
        hint="their models end with `unknown model architecture` until the pin moves",
    )


def _undetected(name: str, pin: Pin) -> Answer:
    return Answer(
        id=name,
        outcome=Outcome.UNKNOWN,
        observed=f"`detect` left nothing about {pin.name} {pin.version} here",
        hint="run `engine-ci detect`",
    )


def expired(holds: Sequence[Hold], *, today: date) -> Answer:
    """Whether holds have ended, which nobody noticed."""
    over = [hold for hold in holds if not hold.counts_on(today)]
    return _holds("holds/expired", over, "has ended", hint="take them away with `engine-ci unhold`")


def ending(holds: Sequence[Hold], *, today: date) -> Answer:
    """Whether holds end soon."""
    soon = [
        hold for hold in holds if hold.until is not None and today <= hold.until <= today + SOON
    ]
    hint = "if the fault is still there, give them a later `until`"
    return _holds("holds/ending", soon, "ends soon", hint=hint)


def _holds(name: str, holds: Sequence[Hold], what: str, *, hint: str) -> Answer:
    if not holds:
        return Answer(id=name, outcome=Outcome.OK, observed=f"none {what}")
    told = "; ".join(f"{hold.version}, {hold.until}: {hold.reason}" for hold in holds)
    return Answer(id=name, outcome=Outcome.WARN, observed=told, hint=hint)
