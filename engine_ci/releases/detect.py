"""Asks a pin's source what is new and chooses from it. Runs pip, which reaches the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import UnsupportedError
from engine_ci.pins.model import PackageIndex
from engine_ci.records.candidate import Candidate
from engine_ci.releases.choose import choose
from engine_ci.releases.sources import package_index
from engine_ci.releases.throttle import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine_ci.config import Policy
    from engine_ci.pins.model import Pin
    from engine_ci.records.candidate import Refusal
    from engine_ci.releases.model import Offer
    from engine_ci.releases.throttle import Proposals


def ask(pin: Pin) -> list[Offer]:
    """Everything that the pin's source offers, in no order.

    Raises:
        UnsupportedError: this release knows nothing about the pin's kind of source.
        OutsideError: the source did not answer.
    """
    return package_index.offers(_package(pin), pin.platforms)


def detect(
    pin: Pin,
    offers: Sequence[Offer],
    *,
    policy: Policy,
    now: datetime,
    refused: Sequence[Refusal] = (),
    proposals: Proposals = NONE,
    failed: bool = False,
) -> Candidate:
    """Chooses the release to try, with a reason for every one that is newer than the pin.

    Args:
        pin: what is used now.
        offers: the source's answer to `ask`.
        policy: of the app.
        now: when this is asked, with its time zone.
        refused: what this run tried before, newest first.
        proposals: what was proposed to the app before.
        failed: whether the gate refused the pinned build.

    Raises:
        OutsideError: the source did not answer when it was asked for a release's files.
        PinError: the pinned version makes no sense for its source.
    """
    package = _package(pin)
    choice = choose(
        offers,
        pin,
        policy=policy,
        now=now,
        files=lambda offer: package_index.files(package, offer.version.text, pin.platforms),
        refused=refused,
        proposals=proposals,
        failed=failed,
    )
    return Candidate(
        schema=1,
        pin=pin.name,
        source=str(pin.source),
        current=pin.version,
        standing=choice.standing,
        chosen=choice.chosen,
        postponed=choice.postponed,
        decisions=choice.decisions,
        refused=tuple(refused),
        at=now,
    )


def _package(pin: Pin) -> str:
    if not isinstance(pin.source, PackageIndex):
        raise UnsupportedError(
            f"pin {pin.name}: releases from `{pin.source}` cannot be listed yet",
            hint="this release knows the source `package-index`",
        )
    return pin.source.package
