"""What commands say that edit an app's own files: `init`, `eject`, `hold`, `unhold`, `golden`."""

from __future__ import annotations

from typing import Literal

from engine_ci.pins.model import Hold, Name
from engine_ci.system.documents import Document, Versioned


class FileEdit(Document):
    """What became of one file, or would.

    Attributes:
        path: from the top of the clone.
        outcome: `kept` is a file that is otherwise than it would be made, and was not overwritten.
        diff: unified, of a file that is kept.
    """

    path: str
    outcome: Literal["made", "unchanged", "kept", "removed"]
    diff: str = ""


class Edits(Versioned):
    """The outcome of `init` and `eject`.

    Attributes:
        dry_run: whether nothing was written.
        notes: what a person should know or look at, one sentence each.
    """

    dry_run: bool
    files: tuple[FileEdit, ...]
    notes: tuple[str, ...] = ()


class Holds(Versioned):
    """The outcome of `hold` and `unhold`.

    Attributes:
        file: of the pin.
        holds: all of them, as they are then.
        diff: of that file, unified.
        dry_run: whether nothing was written.
    """

    pin: Name
    file: str
    holds: tuple[Hold, ...]
    diff: str
    dry_run: bool


class GoldenState(Document):
    """One known answer beside what its model gives now.

    Attributes:
        model: by its name.
        differences: in words, one each; none where it holds.
    """

    model: str
    file: str
    differences: tuple[str, ...] = ()


class Goldens(Versioned):
    """The outcome of `golden record` and `golden verify`.

    Attributes:
        written: whether those that differ were written anew.
    """

    written: bool
    goldens: tuple[GoldenState, ...]
