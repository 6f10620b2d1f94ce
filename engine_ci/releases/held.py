"""Pure. Which hold of a pin means a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import PinError, UsageError
from engine_ci.releases import span

if TYPE_CHECKING:
    from datetime import date

    from engine_ci.pins.model import Hold, Pin
    from engine_ci.releases.ordering import PackageVersion


def held(pin: Pin, version: PackageVersion, *, on: date) -> Hold | None:
    """The first hold that counts on that day and means the version.

    Raises:
        PinError: what a hold means is neither a version, nor a build number, nor a range of them.
    """
    counting = (hold for hold in pin.holds if hold.counts_on(on))
    return next((hold for hold in counting if _means(pin, hold, version)), None)


def _means(pin: Pin, hold: Hold, version: PackageVersion) -> bool:
    try:
        return span.covers(hold.version, version)
    except UsageError as error:
        raise PinError(
            f"pin {pin.name}: the hold of `{hold.version}`: {error.message}",
            hint="correct it in the pin file, or take it away with `engine-ci unhold`",
        ) from error
