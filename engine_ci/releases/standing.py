"""Pure. How the pin itself stands: how old it is, and why it ought to be left soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.records.candidate import Standing
from engine_ci.releases.held import held

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine_ci.pins.model import Pin
    from engine_ci.releases.model import Offer
    from engine_ci.releases.ordering import PackageVersion


def standing(
    pin: Pin, current: PackageVersion, offers: Sequence[Offer], *, now: datetime, failed: bool
) -> Standing:
    """Judges the pin.

    Args:
        pin: what is used now.
        current: its version.
        offers: all that are not older, every version once.
        now: with its time zone.
        failed: whether the gate refused the pinned build.
    """
    own = next((offer for offer in offers if offer.version.order == current.order), None)
    published = own.published if own else None
    hold = held(pin, current, on=now.date())
    troubles = [str(hold)] if hold else []
    troubles += ["refused by the gate"] * failed
    troubles += [f"withdrawn: {flaw}" for flaw in _withdrawn(own, current)]
    return Standing(
        published=published,
        age_days=max((now - published).days, 0) if published else None,
        behind=sum(offer.version.order > current.order for offer in offers),
        troubles=tuple(troubles),
        expired=tuple(
            f"{hold.version}: {hold}" for hold in pin.holds if not hold.counts_on(now.date())
        ),
    )


def _withdrawn(own: Offer | None, current: PackageVersion) -> Sequence[str]:
    if own is not None:
        return own.flaws
    # An index lists no pre-releases, whether it has them or not.
    return () if current.python.is_prerelease else (f"the source has no {current.text} any more",)
