"""Asks a pin's source what is new and chooses from it. Runs pip, which reaches the network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine_ci.errors import UnsupportedError
from engine_ci.pins.model import PackageIndex
from engine_ci.records.candidate import Candidate
from engine_ci.releases.choose import choose
from engine_ci.releases.sources import package_index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.candidate import PublishedAsset, Refusal
    from engine_ci.releases.choose import Offer


def detect(pin: Pin, *, now: datetime, refused: Sequence[Refusal] = ()) -> Candidate:
    """Chooses the release to try, with a reason for every one that is newer than the pin.

    Args:
        pin: what is used now.
        now: when this is asked, with its time zone.
        refused: what this run tried before, newest first.

    Raises:
        UnsupportedError: this release knows nothing about the pin's kind of source.
        OutsideError: the source did not answer.
        PinError: the pinned version makes no sense for its source.
    """
    if not isinstance(pin.source, PackageIndex):
        raise UnsupportedError(
            f"pin {pin.name}: releases from `{pin.source}` cannot be listed yet",
            hint="this release knows the source `package-index`",
        )
    package = pin.source.package
    chosen, decisions = choose(
        package_index.offers(package, pin.platforms),
        pin,
        files=partial(_files, pin, package),
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


def _files(pin: Pin, package: str, offer: Offer) -> Mapping[Platform, PublishedAsset]:
    return package_index.files(package, offer.version.text, pin.platforms)
