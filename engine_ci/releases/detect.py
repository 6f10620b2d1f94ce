"""Asks a pin's source what is new and chooses from it. Reaches the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.pins.model import GitHubReleases, PackageIndex
from engine_ci.records.candidate import Candidate
from engine_ci.releases.choose import choose
from engine_ci.releases.news import UNKNOWN
from engine_ci.releases.sources import (
    git_tags,
    github_releases,
    github_stable,
    package_index,
    source_distributions,
)
from engine_ci.releases.stable import resolve
from engine_ci.releases.throttle import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from engine_ci.config import Policy
    from engine_ci.pins.model import Pin, Platform, Version
    from engine_ci.records.candidate import PublishedAsset, Refusal, Release
    from engine_ci.releases.model import Offer
    from engine_ci.releases.news import News
    from engine_ci.releases.sources.github_releases import Place
    from engine_ci.releases.stable import StableRelease
    from engine_ci.releases.throttle import Proposals


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What a source says.

    Attributes:
        offers: everything that it offers to the pin, in no order.
        stable: the stable releases of upstream, newest first; none where the channel is not theirs.
    """

    offers: Sequence[Offer]
    stable: Sequence[StableRelease] = ()


def ask(
    pin: Pin,
    *,
    policy: Policy,
    at: Place,
    upstream: str | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Listed:
    """What the pin's source says.

    Args:
        pin: what is used now.
        policy: of the app.
        at: where releases of GitHub are read.
        upstream: the address of llama.cpp's repository, whose tags name the commits of source
            distributions; None where it is not to be asked.
        told: what a person should hear of, one sentence each.

    Raises:
        OutsideError: the source did not answer.
        VerificationError: what is pinned has been replaced.
    """
    if isinstance(pin.source, GitHubReleases):
        return _released(pin.source.repository, pin, policy=policy, at=at, told=told)
    if policy.channel == "stable":
        told(f"`channel: stable` is for releases of GitHub: of {pin.source} every build counts")
    if isinstance(pin.source, PackageIndex):
        return Listed(offers=package_index.offers(pin.source.package, pin.platforms))
    if pin.source.repository is not None:
        return Listed(offers=git_tags.offers(pin.source.repository, pin))
    package = str(pin.source.package)
    return Listed(offers=source_distributions.offers(package, pin, upstream=upstream))


def _released(
    repository: str, pin: Pin, *, policy: Policy, at: Place, told: Callable[[str], None]
) -> Listed:
    listed = github_releases.read(repository, pin, at=at)
    offers = github_releases.offers(listed, repository, pin, at=at, told=told)
    if policy.channel != "stable":
        return Listed(offers=offers)
    materials = github_stable.materials(listed, repository, at=at)
    return Listed(offers=offers, stable=[resolve(each) for each in materials])


def files(offer: Offer, pin: Pin) -> Mapping[Platform, PublishedAsset]:
    """The files of an offer, where the list did not tell them asked for now.

    Raises:
        OutsideError: the source did not answer.
        VerificationError: a tag was moved since it was listed.
    """
    if isinstance(pin.source, PackageIndex):
        return package_index.files(pin.source.package, offer.version.text, pin.platforms)
    if isinstance(pin.source, GitHubReleases):
        return offer.assets
    if pin.source.repository is not None:
        return git_tags.files(pin.source.repository, offer, pin)
    return source_distributions.files(str(pin.source.package), offer, pin)


def detect(
    pin: Pin,
    offers: Sequence[Offer],
    *,
    policy: Policy,
    now: datetime,
    stable: Sequence[StableRelease] = (),
    refused: Sequence[Refusal] = (),
    remembered: Sequence[Refusal] = (),
    proposals: Proposals = NONE,
    failed: bool = False,
    asked: Version | None = None,
    ask_news: Callable[[Release], News] = lambda _: UNKNOWN,
) -> Candidate:
    """Chooses the release to try, with a reason for every one that is newer than the pin.

    Args:
        pin: what is used now.
        offers: of the source, as `ask` found them.
        policy: of the app.
        now: when this is asked, with its time zone.
        stable: the stable releases, as `ask` found them.
        refused: what this run tried before, newest first.
        remembered: what runs before refused.
        proposals: what was proposed to the app before.
        failed: whether the gate refused the pinned build.
        asked: the release that a person asks for, if one does.
        ask_news: what upstream's history says of a release.

    Raises:
        OutsideError: the source did not answer when it was asked for a release's files.
        PinError: the pinned version makes no sense for its source.
    """
    choice = choose(
        offers,
        pin,
        policy=policy,
        now=now,
        files=lambda offer: files(offer, pin),
        stable=stable,
        refused=refused,
        remembered=remembered,
        proposals=proposals,
        failed=failed,
        asked=asked,
        ask_news=ask_news,
    )
    return Candidate(
        schema=1,
        pin=pin.name,
        source=str(pin.source),
        current=pin.version,
        standing=choice.standing,
        chosen=choice.chosen,
        asked=asked is not None,
        postponed=choice.postponed,
        decisions=choice.decisions,
        refused=tuple(refused),
        at=now,
    )
