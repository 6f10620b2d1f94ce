"""`polls-NAME.json`: how the polls of one pin went, as far as this machine remembers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from engine_ci.pins.model import Name
from engine_ci.records.candidate import Refusal
from engine_ci.system.documents import Sha256, Versioned


class Polls(Versioned):
    """How the polls of one pin went.

    Attributes:
        since: when counting began.
        failures: how many polls failed in a row, up to now.
        failing_since: when the first of them did.
        progress: the last time that is known at which a build could be proposed, or the pin moved.
        refused: what was tried and must not be proposed, the last one first.
        judged: by what it was judged; by anything else it is judged anew.
    """

    pin: Name
    since: datetime
    failures: Annotated[int, Field(ge=0)] = 0
    failing_since: datetime | None = None
    progress: datetime | None = None
    refused: tuple[Refusal, ...] = ()
    judged: Sha256 | None = None
