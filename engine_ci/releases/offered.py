"""Pure. What GitHub's releases offer to a pin, held against what was seen of them before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import ledger as ledgers
from engine_ci.releases import ordering, published
from engine_ci.releases.model import Offer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.pins.model import Pin
    from engine_ci.releases.ledger import Ledger
    from engine_ci.releases.ordering import PackageVersion
    from engine_ci.releases.published import PublishedRelease


def offers(releases: Iterable[PublishedRelease], pin: Pin, *, ledger: Ledger) -> list[Offer]:
    """An offer for each release of a build; other tags, such as `v0.4.1`, are none."""
    return [
        _offer(release, version, pin, ledger)
        for release in releases
        if (version := ordering.tag(release.tag_name)) is not None
    ]


def _offer(release: PublishedRelease, version: PackageVersion, pin: Pin, ledger: Ledger) -> Offer:
    found = published.wanted(release, pin)
    assets = {
        platform: asset
        for platform, each in found.items()
        if isinstance(asset := published.whole(each), PublishedAsset)
    }
    before = ledgers.names(ledger, release.tag_name)
    return Offer(
        version=version,
        platforms=frozenset(assets),
        published=release.published_at,
        assets=assets,
        flaws=(
            *published.flaws(release, pin, before=before),
            *ledgers.replaced(ledger, release.tag_name, found.values()),
        ),
    )


def vanished(ledger: Ledger, offered: Iterable[Offer], pin: Pin) -> list[Offer]:
    """The builds newer than the pin that were offered before and are no more."""
    there = {offer.version.text for offer in offered}
    return [
        Offer(
            version=version,
            platforms=frozenset(),
            flaws=("upstream published it and took it away again",),
        )
        for tag in ledgers.tags(ledger, after=pin.build or 0)
        if tag not in there and (version := ordering.tag(tag)) is not None
    ]
