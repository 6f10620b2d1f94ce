"""What `watch` says: how the polls of a pin went, and what was done about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from engine_ci.pins.model import Name
from engine_ci.system.documents import Versioned


class Watched(Versioned):
    """The outcome of `watch`.

    Attributes:
        failures: how many polls failed in a row.
        progress: the last time at which a build could be proposed, or the pin moved.
        stuck: whether somebody has to be told.
        dry_run: whether nothing was done, counted or kept.
        done: what was done or would be, one sentence each.
    """

    pin: Name
    failures: Annotated[int, Field(ge=0)]
    progress: datetime | None
    stuck: bool
    dry_run: bool
    done: tuple[str, ...]
