"""Counts the polls of a pin that fail, and keeps what they refused.

Where the file got lost, it is begun anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import RecordError
from engine_ci.records.polls import Polls
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from engine_ci.pins.model import Name
    from engine_ci.records.candidate import Refusal
    from engine_ci.system.documents import Sha256


def load(path: Path, *, pin: Name, now: datetime) -> tuple[Polls, str | None]:
    """What is remembered of a pin's polls, and why nothing is where nothing is."""
    new = Polls(schema=1, pin=pin, since=now)
    try:
        found = documents.load_json(path, Polls, error=RecordError)
    except RecordError as error:
        return new, f"polls that failed are counted from now on: {error.message}"
    if found.pin != pin:
        return new, f"polls that failed are counted from now on: {path} is of {found.pin}"
    return found, None


def save(path: Path, polls: Polls) -> None:
    """Remembers; OutsideError where the disk does not let us."""
    documents.write(path, documents.dump_json(polls))


def failed(polls: Polls, *, now: datetime) -> Polls:
    """After one more poll that failed."""
    return polls.model_copy(
        update={
            "failures": polls.failures + 1,
            "failing_since": polls.failing_since or now,
        }
    )


def worked(polls: Polls, *, progress: datetime | None) -> Polls:
    """After a poll that worked; with the time of the last progress, where it is known."""
    return polls.model_copy(
        update={
            "failures": 0,
            "failing_since": None,
            "progress": later(polls.progress, progress),
        }
    )


def refused(polls: Polls, *, judged: Sha256) -> tuple[Refusal, ...]:
    """What was refused before, as far as it would be judged by the same now."""
    return polls.refused if polls.judged == judged else ()


def refusing(polls: Polls, found: Sequence[Refusal], *, judged: Sha256) -> Polls:
    """With what a run refused; of a release that was refused before, the last word."""
    versions = {each.version for each in found}
    older = (each for each in refused(polls, judged=judged) if each.version not in versions)
    return polls.model_copy(update={"refused": (*found, *older), "judged": judged})


def later(*times: datetime | None) -> datetime | None:
    """The latest of those that are known."""
    return max((each for each in times if each is not None), default=None)
