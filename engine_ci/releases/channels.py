"""Pure. The builds that an app's channel lets through.

`nightly` is every build. `stable` is the builds that a stable release of upstream names: such a
release, `v0.4.1`, holds no program itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine_ci.records.candidate import Decision
from engine_ci.releases import ordering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from engine_ci.releases.model import Offer
    from engine_ci.releases.ordering import PackageVersion
    from engine_ci.releases.stable import StableRelease


def aged(offers: Sequence[Offer], stable: Sequence[StableRelease]) -> list[Offer]:
    """The same offers, those that a stable release names being as old as that release."""
    since = {each.build: each.published for each in stable if each.build and each.published}
    return [_since(offer, since.get(offer.version.text)) for offer in offers]


def named(stable: Iterable[StableRelease]) -> frozenset[str]:
    """The builds that stable releases name."""
    return frozenset(each.build for each in stable if each.build is not None)


def unresolved(
    stable: Sequence[StableRelease],
    offers: Sequence[Offer],
    *,
    current: PackageVersion,
    since: datetime | None,
) -> Iterator[Decision]:
    """A decision on every stable release that leads to no build on offer.

    Args:
        stable: the stable releases.
        offers: the pinned build and all newer ones.
        current: the pinned version; builds that are not newer are passed over.
        since: when it was published; what cannot be told of stable releases before does not matter.
    """
    known = {offer.version.text for offer in offers}
    for each in stable:
        build = ordering.tag(each.build) if each.build else None
        if build is None:
            if since is None or each.published is None or each.published > since:
                yield _decision(each, f"leads to no build: {each.reason}")
        elif build.order > current.order and build.text not in known:
            yield _decision(each, f"names {build.text}, which the source does not have")


def _since(offer: Offer, published: datetime | None) -> Offer:
    if published is None or offer.published is None or offer.published >= published:
        return offer
    return replace(offer, published=published)


def _decision(release: StableRelease, reason: str) -> Decision:
    return Decision(version=release.name, published=release.published, chosen=False, reason=reason)
