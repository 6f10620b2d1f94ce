"""Pure. Which release is the candidate, and for every other one newer than the pin why not.

The newest release wins against which nothing speaks. Files are asked for only where nothing else
speaks against a release, newest first, until one is found; then it waits for its turn, if it must.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_version

from engine_ci.pins.model import GitHubReleases, SourceBuild
from engine_ci.records.candidate import Decision, Postponed, Release, Standing
from engine_ci.releases import channels, eligible, listing, throttle
from engine_ci.releases.decisions import told
from engine_ci.releases.news import UNKNOWN
from engine_ci.releases.standing import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from engine_ci.config import Policy
    from engine_ci.pins.model import Pin, Platform, Version
    from engine_ci.records.candidate import PublishedAsset, Refusal
    from engine_ci.releases.eligible import Case
    from engine_ci.releases.model import Offer
    from engine_ci.releases.news import News
    from engine_ci.releases.ordering import PackageVersion
    from engine_ci.releases.stable import StableRelease
    from engine_ci.releases.throttle import Proposals

_NO_AGE = "candidate; its source does not tell its age: no cooldown"
_AGE_OF_CODE = "candidate; its age is that of its commit, and its tag may be younger"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What to do now.

    Attributes:
        chosen: the release to try; None when nothing is worth it, or its time has not come.
        postponed: what is waited for, then.
        decisions: on every release newer than the pin, newest first; before them those on stable
            releases that lead to no build.
    """

    standing: Standing
    chosen: Release | None
    postponed: Postponed | None
    decisions: tuple[Decision, ...]


def choose(
    offers: Iterable[Offer],
    pin: Pin,
    *,
    policy: Policy,
    now: datetime,
    files: Callable[[Offer], Mapping[Platform, PublishedAsset]],
    refused: Iterable[Refusal] = (),
    remembered: Iterable[Refusal] = (),
    proposals: Proposals = throttle.NONE,
    stable: Sequence[StableRelease] = (),
    failed: bool = False,
    asked: Version | None = None,
    ask_news: Callable[[Release], News] = lambda _: UNKNOWN,
) -> Choice:
    """Chooses a release and says about every newer one why it was chosen or not.

    Args:
        offers: in any order; the pinned release where the source still has it, and all newer ones.
        pin: what is used now, and what is held.
        policy: of the app.
        now: with its time zone.
        files: the files of an offer for the platforms of the pin.
        refused: what this run tried before.
        remembered: what runs before refused, and need not be tried again.
        proposals: what was proposed before.
        stable: upstream's stable releases, where the channel is theirs.
        failed: whether the gate refused the pinned build.
        asked: the release that a person asks for: no other, and at once, whatever was proposed or
            closed before. It may still be held, refused or not whole.
        ask_news: what upstream's history says of a release.

    Raises:
        PinError: the pinned version, or that of a hold, makes no sense for its source.
    """
    current = listing.current(pin)
    every = channels.aged(listing.sorted_out(offers, pin), stable)
    by_channel = policy.channel == "stable" and isinstance(pin.source, GitHubReleases)
    case = eligible.Case(
        pin=pin,
        current=current,
        policy=policy,
        standing=standing(pin, current, every, now=now, failed=failed),
        now=now,
        refused=_by_version(refused),
        remembered=_by_version(remembered),
        closed=None if asked else _newest(proposals.closed, pin),
        waiting=proposals.version if proposals.waiting else None,
        stable=channels.named(stable) if by_channel and not asked else None,
        asked=asked,
    )
    newer = [offer for offer in every if offer.version.order > current.order]
    reasons, best = _search(newer, case, files=files, ask_news=ask_news)
    if best is None:
        waits, words = eligible.ripening(newer, case), ""
    else:
        versions = [offer.version.text for offer in newer]
        waits, words = _turn(best, versions, case, proposals=proposals, ask_news=ask_news)
    chosen = None if waits else best
    said = [words if reason is None else reason for reason in reasons]
    lost = (
        channels.unresolved(stable, every, current=current, since=case.standing.published)
        if by_channel
        else ()
    )
    return Choice(
        standing=case.standing,
        chosen=chosen,
        postponed=waits,
        decisions=(*lost, *told(newer, said, chosen=chosen.version if chosen else None)),
    )


def _newest(versions: Iterable[Version], pin: Pin) -> PackageVersion | None:
    """The newest of versions, but for those that no release of the source could have."""
    read = (listing.read(version, pin) for version in versions)
    return max(filter(None, read), key=lambda each: each.order, default=None)


def _by_version(refused: Iterable[Refusal]) -> dict[str, str]:
    return {canonicalize_version(each.version): each.reason for each in refused}


def _search(
    newer: Sequence[Offer],
    case: Case,
    *,
    files: Callable[[Offer], Mapping[Platform, PublishedAsset]],
    ask_news: Callable[[Release], News],
) -> tuple[list[str | None], Release | None]:
    """Of every release the reason against it, None for the one that was found."""
    best: Release | None = None
    reasons: list[str | None] = []
    noise: str | None = None
    for offer in newer:
        reason = eligible.against(offer, case)
        if reason is None and best is not None:
            reason = f"older than the candidate {best.version}"
        reason = reason or noise
        if reason is None:
            assets = dict(files(offer))
            reason = eligible.unaccepted(assets)
            if reason is None:
                release = _release(offer, assets)
                reason = ask_news(release).noise if _may_be_noise(case) else None
                if reason is None:
                    best = release
                else:
                    # What comes between the pin and an older one is part of this.
                    noise = f"noise, as {release.version} is"
        reasons.append(reason)
    return reasons, best


def _may_be_noise(case: Case) -> bool:
    """Not where the pin must be left, what is asked for, nor what others than upstream built."""
    wanted = case.standing.troubles or case.asked
    return isinstance(case.pin.source, GitHubReleases) and not wanted


def _turn(
    best: Release,
    newer: Sequence[Version],
    case: Case,
    *,
    proposals: Proposals,
    ask_news: Callable[[Release], News],
) -> tuple[Postponed | None, str]:
    """What the best release waits for, and what is said of it."""
    words = _words(best, case)
    if case.asked:
        return None, f"{words}; it is asked for"
    waits = throttle.postponed(
        best, newer=newer, proposals=proposals, propose=case.policy.propose, now=case.now
    )
    if waits is None:
        return None, words
    troubles = [f"the pin is {trouble}" for trouble in case.standing.troubles]
    hurry = troubles or ask_news(best).arrived
    if hurry:
        return None, f"{words}; it does not wait, since {'; '.join(hurry)}"
    return waits, f"eligible, and {waits.reason}"


def _words(best: Release, case: Case) -> str:
    if best.published is None:
        return _NO_AGE
    return _AGE_OF_CODE if isinstance(case.pin.source, SourceBuild) else "candidate"


def _release(offer: Offer, assets: dict[Platform, PublishedAsset]) -> Release:
    version = offer.version
    return Release(
        version=version.text,
        build=version.build,
        rebuild=version.rebuild,
        published=offer.published,
        commit=offer.commit,
        assets=assets,
    )
