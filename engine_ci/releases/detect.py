"""Asks a pin's source what is new and chooses from it. Reaches the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import UnsupportedError
from engine_ci.pins.model import GitHubReleases, PackageIndex
from engine_ci.records.candidate import Candidate
from engine_ci.releases.choose import choose
from engine_ci.releases.sources import github_releases, package_index

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.candidate import PublishedAsset, Refusal
    from engine_ci.releases.model import Offer
    from engine_ci.releases.sources.github_releases import Place


def ask(pin: Pin, *, at: Place, told: Callable[[str], None] = lambda _: None) -> list[Offer]:
    """Everything that the pin's source offers, in no order.

    Args:
        pin: what is used now.
        at: where releases of GitHub are read.
        told: what a person should hear of, one sentence each.

    Raises:
        UnsupportedError: this release knows nothing about the pin's kind of source.
        OutsideError: the source did not answer.
        VerificationError: what is pinned has been replaced.
    """
    if isinstance(pin.source, PackageIndex):
        return package_index.offers(pin.source.package, pin.platforms)
    if isinstance(pin.source, GitHubReleases):
        return github_releases.offers(pin.source.repository, pin, at=at, told=told)
    raise UnsupportedError(
        f"pin {pin.name}: releases from `{pin.source}` cannot be listed yet",
        hint="this release knows the sources `package-index` and `github-releases`",
    )


def files(offer: Offer, pin: Pin) -> Mapping[Platform, PublishedAsset]:
    """The files of an offer, where the list did not tell them asked for now.

    Raises:
        OutsideError: the source did not answer.
    """
    if isinstance(pin.source, PackageIndex):
        return package_index.files(pin.source.package, offer.version.text, pin.platforms)
    return offer.assets


def detect(
    pin: Pin, offers: Sequence[Offer], *, now: datetime, refused: Sequence[Refusal] = ()
) -> Candidate:
    """Chooses the release to try, with a reason for every one that is newer than the pin.

    Args:
        pin: what is used now.
        offers: the source's answer to `ask`.
        now: when this is asked, with its time zone.
        refused: what this run tried before, newest first.

    Raises:
        OutsideError: the source did not answer when it was asked for a release's files.
        PinError: the pinned version makes no sense for its source.
    """
    chosen, decisions = choose(
        offers,
        pin,
        files=lambda offer: files(offer, pin),
        refused=refused,
        today=now.date(),
    )
    return Candidate(
        schema=1,
        pin=pin.name,
        source=str(pin.source),
        current=pin.version,
        chosen=chosen,
        decisions=decisions,
        refused=tuple(refused),
        at=now,
    )
