"""`changes.json`: what a branch changes of the engines, and what besides."""

from __future__ import annotations

from typing import Literal

from engine_ci.pins.model import Name, Version
from engine_ci.system.documents import CommitId, Document, Versioned


class PinChange(Document):
    """What became of one pin.

    Attributes:
        file: from the top of the clone; where it was, of a pin that is gone.
        before, after: the version that it names, or that a target names in its place; None where
            there is no such pin.
        moved: whether it names another engine: a version, a commit, a file or its hash.
    """

    name: Name
    file: str
    before: Version | None
    after: Version | None
    moved: bool


class ChangedFile(Document):
    """A file that differs, from the top of the clone."""

    path: str
    kind: Literal["pin", "target", "other"]


class Stray(Document):
    """What a bump may not change, and does."""

    path: str
    why: str


class Change(Versioned):
    """What the checked-out commit changes since it left its base.

    Attributes:
        head: the commit.
        base: the last one that it has in common with its base; None where there is none.
        branch: that the pull request comes from, where it is one.
        bump: whether that is a branch of the configuration's own proposals, rollbacks among them.
        pin_moved: whether any pin names another engine.
        files: sorted by path.
        strays: of a bump, what it must not change.
    """

    head: CommitId
    base: CommitId | None
    branch: str | None
    bump: bool
    pin_moved: bool
    pins: tuple[PinChange, ...]
    files: tuple[ChangedFile, ...]
    strays: tuple[Stray, ...] = ()
