"""Pure. What speaks against a release before any of its bytes are seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_version, parse_wheel_filename

from engine_ci.records.candidate import Postponed
from engine_ci.releases.held import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from engine_ci.config import Policy
    from engine_ci.pins.model import Pin, Platform, Version
    from engine_ci.records.candidate import PublishedAsset, Standing
    from engine_ci.releases.model import Offer
    from engine_ci.releases.ordering import PackageVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What releases are judged by.

    Attributes:
        current: the version of the pin.
        standing: how the pin stands.
        refused: in this run, why, by version.
        remembered: the same of runs before.
        closed: the newest version whose proposal a person closed; None where nobody did.
        waiting: the version of the proposal that is open: it was old enough once, and a clock that
            went back must not take it back.
        stable: builds that a stable release names; None where every build will do.
        asked: the version that a person asks for, who need not wait; None where nobody does.
    """

    pin: Pin
    current: PackageVersion
    policy: Policy
    standing: Standing
    now: datetime
    refused: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, str] = field(default_factory=dict)
    closed: PackageVersion | None = None
    waiting: Version | None = None
    stable: frozenset[str] | None = None
    asked: str | None = None


def against(offer: Offer, case: Case) -> str | None:
    """The first reason not to try a release; None where there is none."""
    lasting = _lasting(offer, case)
    if lasting is not None or _ripe_at(offer, case) <= case.now:
        return lasting
    return f"younger than {case.policy.cooldown_hours} hours"


def ripening(offers: Iterable[Offer], case: Case) -> Postponed | None:
    """The release that comes of age first, of those against which nothing else speaks."""
    waiting = [
        (ripe, offer.version)
        for offer in offers
        if (ripe := _ripe_at(offer, case)) > case.now and _lasting(offer, case) is None
    ]
    if not waiting:
        return None
    ripe, version = min(waiting, key=lambda each: (each[0], each[1].order))
    hours = case.policy.cooldown_hours
    reason = f"waits until {ripe.astimezone(UTC):%Y-%m-%d %H:%M} UTC, when it is {hours} hours old"
    return Postponed(version=version.text, until=ripe, reason=reason)


def unaccepted(assets: Mapping[Platform, PublishedAsset]) -> str | None:
    """Why a wheel is not of a kind that its platform accepts; None when all are."""
    for platform, asset in assets.items():
        if not asset.wheel_tags:
            continue
        try:
            tags = sorted(str(tag) for tag in parse_wheel_filename(asset.name)[3])
        except InvalidWheelFilename:
            return f"`{asset.name}` for {platform} is not a wheel"
        if not set(tags) & set(asset.wheel_tags):
            return f"wheel tag {', '.join(tags)} is not accepted on {platform}"
    return None


def _ripe_at(offer: Offer, case: Case) -> datetime:
    """When a release is old enough: at once where it was, is asked for, or has no known age."""
    at_once = (case.waiting, case.asked)
    if offer.published is None or offer.version.text in at_once:
        return case.now
    return offer.published + timedelta(hours=case.policy.cooldown_hours)


def _lasting(offer: Offer, case: Case) -> str | None:
    """What speaks against a release and does not pass with time alone."""
    return next((said for rule in _RULES if (said := rule(offer, case)) is not None), None)


def _not_asked_for(offer: Offer, case: Case) -> str | None:
    others = case.asked is not None and offer.version.text != case.asked
    return f"{case.asked} is asked for" if others else None


def _flawed(offer: Offer, case: Case) -> str | None:
    del case
    return "; ".join(offer.flaws) or None


def _refused(offer: Offer, case: Case) -> str | None:
    reason = case.refused.get(canonicalize_version(offer.version.text))
    return None if reason is None else f"refused in this run: {reason}"


def _refused_before(offer: Offer, case: Case) -> str | None:
    """A person may ask for another try."""
    reason = case.remembered.get(canonicalize_version(offer.version.text))
    return None if reason is None or case.asked else f"refused before: {reason}"


def _held(offer: Offer, case: Case) -> str | None:
    hold = held(case.pin, offer.version, on=case.now.date())
    return str(hold) if hold else None


def _declined(offer: Offer, case: Case) -> str | None:
    """Who closed one was shown the newest: only what came since is news to that person."""
    closed = case.closed
    if closed is None or offer.version.order > closed.order:
        return None
    if offer.version.order == closed.order:
        return "a person closed its pull request"
    return f"a person closed the pull request of {closed.text}, which is newer"


def _of_another_channel(offer: Offer, case: Case) -> str | None:
    if case.stable is None or offer.version.text in case.stable:
        return None
    return "no stable release names it"


def _incomplete(offer: Offer, case: Case) -> str | None:
    missing = [name for name in case.pin.platforms if name not in offer.platforms]
    return f"no file for {', '.join(missing)}" if missing else None


def _noise(offer: Offer, case: Case) -> str | None:
    """Another package of a pinned build that works is nothing new."""
    if case.policy.rebuilds != "never" or case.standing.troubles:
        return None
    again = offer.version.packs_again(case.current)
    return "the pinned build packaged again, and `rebuilds` is `never`" if again else None


_RULES: tuple[Callable[[Offer, Case], str | None], ...] = (
    _not_asked_for,
    _flawed,
    _refused,
    _refused_before,
    _held,
    _declined,
    _of_another_channel,
    _incomplete,
    _noise,
)
