"""Pure. Puts holds into a pin and takes them out: what must not be proposed, why and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from engine_ci.pins.model import Hold, Pin


def add(pin: Pin, hold: Hold, *, today: date) -> Pin:
    """The pin with a hold, in the place of one of the same versions.

    Raises:
        UsageError: the hold would have ended already.
    """
    if not hold.counts_on(today):
        raise UsageError(
            f"a hold until {hold.until} has ended already: today is {today}",
            hint="name a later day, or none",
        )
    others = (each for each in pin.holds if each.version != hold.version)
    return pin.model_copy(update={"holds": (*others, hold)})


def remove(pin: Pin, version: str) -> Pin:
    """The pin without a hold.

    Raises:
        UsageError: there is no such hold.
    """
    left = tuple(each for each in pin.holds if each.version != version)
    if len(left) == len(pin.holds):
        names = ", ".join(each.version for each in pin.holds) or "nothing"
        raise UsageError(f"pin {pin.name}: no hold of `{version}`; held are: {names}")
    return pin.model_copy(update={"holds": left})
