"""Pure. Which release is the candidate, and for every other one newer than the pin why not.

The newest release wins against which nothing speaks: not refused in this run, not held, a file for
every platform of the pin, and every file of a kind that its platform accepts. Files are asked for
only where nothing else speaks against a release, newest first, until one is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_version, parse_wheel_filename

from engine_ci.errors import PinError
from engine_ci.pins.model import GitHubReleases
from engine_ci.records.candidate import Decision, Release
from engine_ci.releases import ordering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from engine_ci.pins.model import Hold, Pin, Platform
    from engine_ci.records.candidate import PublishedAsset, Refusal
    from engine_ci.releases.model import Offer


def choose(
    offers: Iterable[Offer],
    pin: Pin,
    *,
    files: Callable[[Offer], Mapping[Platform, PublishedAsset]],
    refused: Iterable[Refusal],
    today: date,
) -> tuple[Release | None, tuple[Decision, ...]]:
    """Chooses a release and says about every newer one why it was chosen or not.

    Args:
        offers: in any order; those that are not newer than the pin are passed over.
        pin: what is used now, and what is held.
        files: the files of an offer for the platforms of the pin.
        refused: what this run tried before.
        today: for holds, which end.

    Returns:
        the candidate, or None, and the decisions, newest release first.

    Raises:
        PinError: the pinned version is not a version of a package.
    """
    reasons = _reasons_against(pin, refused, today)
    chosen: Release | None = None
    decisions: list[Decision] = []
    for offer in _newer(offers, pin):
        reason = (
            reasons.get(canonicalize_version(offer.version.text))
            or "; ".join(offer.flaws)
            or _gap(offer, pin)
        )
        if reason is None and chosen is not None:
            reason = f"older than the candidate {chosen.version}"
        if reason is None:
            assets = dict(files(offer))
            reason = _unaccepted(assets)
            if reason is None:
                chosen = _release(offer, assets)
        decisions.append(_decision(offer, reason))
    return chosen, tuple(decisions)


def _newer(offers: Iterable[Offer], pin: Pin) -> list[Offer]:
    read = ordering.tag if isinstance(pin.source, GitHubReleases) else ordering.parse
    current = read(pin.version)
    if current is None:
        raise PinError(
            f"pin {pin.name}: `version` is {pin.version}, which no package can have",
            hint="write the version as the package index writes it, for example 0.1.2",
        )
    newer = (offer for offer in offers if offer.version.order > current.order)
    return sorted(newer, key=lambda offer: offer.version.order, reverse=True)


def _reasons_against(pin: Pin, refused: Iterable[Refusal], today: date) -> dict[str, str]:
    """By version, what is known before any file is looked at; a refusal outranks a hold."""
    held = {
        canonicalize_version(hold.version): _held(hold)
        for hold in pin.holds
        if hold.counts_on(today)
    }
    return held | {
        canonicalize_version(refusal.version): f"refused in this run: {refusal.reason}"
        for refusal in refused
    }


def _held(hold: Hold) -> str:
    until = f" until {hold.until.isoformat()}" if hold.until else ""
    link = f" ({hold.link})" if hold.link else ""
    return f"held{until}: {hold.reason}{link}"


def _gap(offer: Offer, pin: Pin) -> str | None:
    missing = [name for name in pin.platforms if name not in offer.platforms]
    return f"no file for {', '.join(missing)}" if missing else None


def _unaccepted(assets: Mapping[Platform, PublishedAsset]) -> str | None:
    """Why a file is not of a kind that its platform accepts; None when all are."""
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


def _release(offer: Offer, assets: dict[Platform, PublishedAsset]) -> Release:
    version = offer.version
    return Release(
        version=version.text, build=version.build, rebuild=version.rebuild, assets=assets
    )


def _decision(offer: Offer, reason: str | None) -> Decision:
    version = offer.version
    return Decision(
        version=version.text,
        build=version.build,
        rebuild=version.rebuild,
        chosen=reason is None,
        reason=reason or "candidate",
    )
