"""What changed in llama.cpp's repository between the pinned engine and a candidate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from engine_ci.pins.model import Build
from engine_ci.system.documents import CommitId, Document

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_SUBJECT = 300


class Unavailable(Document):
    """Nothing is known, which is not the same as nothing; why, in a sentence."""

    reason: str


class Names(Document):
    """What a set of names gained and lost, each sorted."""

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Iterable[str], after: Iterable[str]) -> Names:
        """Compares two sets."""
        old, new = set(before), set(after)
        return cls(gained=tuple(sorted(new - old)), lost=tuple(sorted(old - new)))


class UpstreamCommit(Document):
    """One commit.

    Attributes:
        at: the author's date.
        subject: as its author wrote it, cut where it is very long.
        module: the part of llama.cpp that it is about.
        relevant: whether it touches something that reaches the app's bundle.
    """

    id: CommitId
    at: datetime
    subject: Annotated[str, Field(max_length=LONGEST_SUBJECT)]
    module: str
    relevant: bool


class Range(Document):
    """From the pinned commit to the candidate's.

    Attributes:
        commits: all of them, newest first.
        architectures: of models, by the names in `src/llama-arch.cpp`.
        chat_formats: that have a parser of their own, by the names in `common/chat.cpp`.
    """

    old: CommitId
    new: CommitId
    commits: tuple[UpstreamCommit, ...] = ()
    architectures: Names | Unavailable
    chat_formats: Names | Unavailable


class Missed(Document):
    """What the pinned engine lacks of what upstream has now.

    Attributes:
        tip: upstream's newest commit, and `at` its author's date.
        architectures: of models that the pinned engine does not know, sorted.
    """

    tip: CommitId
    at: datetime
    architectures: tuple[str, ...]


class KnownRegression(Document):
    """A fault that a range of builds is known to have, `first` and `last` included."""

    first: Build
    last: Build
    what: str
    link: str


class Upstream(Document):
    """What is known of llama.cpp between the pin and a candidate.

    Attributes:
        repository: the address that was asked; None where the app names none.
        regressions: that the candidate is known to have.
    """

    repository: str | None = None
    range: Range | Unavailable
    missed: Missed | Unavailable
    regressions: tuple[KnownRegression, ...] = ()
