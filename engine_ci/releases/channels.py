"""Pure. The builds that an app's channel lets through.

`nightly` is every build. `stable` is the builds that a stable release of upstream names: such a
release, `v0.4.1`, holds no program itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine_ci.records.candidate import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from engine_ci.pins.model import Version
    from engine_ci.releases.model import Offer


@dataclass(frozen=True, kw_only=True, slots=True)
class StableRelease:
    """A stable release of upstream.

    Attributes:
        name: its tag.
        build: the build that it stands for; None where that cannot be told.
        reason: why not.
    """

    name: Version
    published: datetime | None = None
    build: Version | None = None
    reason: str = ""


def aged(offers: Sequence[Offer], stable: Sequence[StableRelease]) -> list[Offer]:
    """The same offers, those that a stable release names being as old as that release."""
    since = {each.build: each.published for each in stable if each.build and each.published}
    return [_since(offer, since.get(offer.version.text)) for offer in offers]


def named(stable: Iterable[StableRelease]) -> frozenset[str]:
    """The builds that stable releases name."""
    return frozenset(each.build for each in stable if each.build is not None)


def unresolved(stable: Sequence[StableRelease], offers: Sequence[Offer]) -> Iterator[Decision]:
    """A decision on every stable release that leads to no build on offer."""
    known = {offer.version.text for offer in offers}
    for each in stable:
        if each.build is None:
            yield _decision(each, f"leads to no build: {each.reason}")
        elif each.build not in known:
            yield _decision(each, f"names {each.build}, which the source does not have")


def _since(offer: Offer, published: datetime | None) -> Offer:
    if published is None or offer.published is None or offer.published >= published:
        return offer
    return replace(offer, published=published)


def _decision(release: StableRelease, reason: str) -> Decision:
    return Decision(version=release.name, published=release.published, chosen=False, reason=reason)
