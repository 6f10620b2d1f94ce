"""What `engine-ci mirror` says of a mirror that it made or completed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine_ci.pins.model import Name, Version
from engine_ci.system.documents import Versioned


class Mirrored(Versioned):
    """A mirror of what one pin needs.

    Attributes:
        pin: its name.
        folder: where the mirror is.
        releases: that are in it for this pin, the pinned one first.
        files: verified in this run, whether they were there or not.
        size: of these, in bytes.
    """

    pin: Name
    folder: str
    releases: tuple[Version, ...]
    files: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=0)]
