"""Pure. What a source lists, put in order: every version once, and of tags the builds alone.

A list that is read page by page while somebody publishes may hold a release twice, and its order
means nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine_ci.errors import PinError
from engine_ci.pins.model import GitHubReleases, SourceBuild
from engine_ci.releases import ordering

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.pins.model import Pin, Source
    from engine_ci.releases.model import Offer
    from engine_ci.releases.ordering import Order, PackageVersion


def current(pin: Pin) -> PackageVersion:
    """The pinned version.

    Raises:
        PinError: it is not a version of a package, or not a tag of a build.
    """
    version = read(pin.version, pin)
    if version is not None:
        return version
    if _tagged(pin.source):
        raise PinError(
            f"pin {pin.name}: `version` is {pin.version}, which is no tag of a build",
            hint="releases are told from one another by upstream's tags, such as b11194",
        )
    raise PinError(
        f"pin {pin.name}: `version` is {pin.version}, which no package can have",
        hint="write the version as the package index writes it, for example 0.1.2",
    )


def read(text: str, pin: Pin) -> PackageVersion | None:
    """A version as the pin's source writes it; None where it writes none so."""
    return ordering.tag(text) if _tagged(pin.source) else ordering.parse(text)


def sorted_out(offers: Iterable[Offer], pin: Pin) -> list[Offer]:
    """One offer for each version, newest first."""
    builds_only = _tagged(pin.source)
    found: dict[Order, list[Offer]] = {}
    for offer in offers:
        if not builds_only or ordering.is_tag(offer.version.text):
            found.setdefault(offer.version.order, []).append(offer)
    return [_merged(found[order]) for order in sorted(found, reverse=True)]


def _tagged(source: Source) -> bool:
    """Whether its versions are upstream's tags."""
    if isinstance(source, SourceBuild):
        return source.repository is not None
    return isinstance(source, GitHubReleases)


def _merged(same: Sequence[Offer]) -> Offer:
    first = min(same, key=lambda offer: (offer.version.text, sorted(offer.platforms)))
    if same.count(first) == len(same):
        return first
    return replace(first, flaws=("it is listed more than once, and not alike",))
