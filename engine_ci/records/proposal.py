"""What `propose`, `bump` and `rollback` say: the pull request that would be opened, or was."""

from __future__ import annotations

from typing import Literal

from engine_ci.pins.model import Name, Version
from engine_ci.system.documents import Document, Versioned


class PullRequestText(Document):
    """The words and the change of a pull request.

    Attributes:
        branch: that it comes from.
        draft: whether it is one.
        body: Markdown.
        diff: unified, of all files.
    """

    branch: str
    title: str
    draft: bool
    body: str
    diff: str


class Proposed(Versioned):
    """What is proposed.

    Attributes:
        current: the version that is pinned now.
        version: the one that is proposed; None where none is.
        why_nothing: in words; empty where something is proposed.
        text: None where nothing is proposed.
        outcome: what became of the pull request; None where it was only printed.
        number, url: of the pull request; None where there is none.
        notes: what a person should know or do, one sentence each.
    """

    pin: Name
    current: Version
    version: Version | None = None
    why_nothing: str = ""
    text: PullRequestText | None = None
    outcome: Literal["opened", "refreshed", "unchanged", "declined", "present"] | None = None
    number: int | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()
