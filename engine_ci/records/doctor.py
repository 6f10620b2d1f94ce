"""What `engine-ci doctor` says of an app's repository."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from engine_ci.pins.model import Name
from engine_ci.system.documents import Document, Versioned


class Outcome(StrEnum):
    """The answer to one question. What could not be read is unknown, and never fine."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Answer(Document):
    """One question, answered.

    Attributes:
        id: names the question: `pin/age`.
        observed: what was seen, or why nothing was.
        hint: what to do; empty where nothing has to be done.
    """

    id: str
    outcome: Outcome
    observed: str
    hint: str = ""


class Diagnosis(Versioned):
    """All questions about one pin and its repository.

    Attributes:
        pin: None when no pin could be read.
        at: when this was asked.
    """

    pin: Name | None
    answers: tuple[Answer, ...]
    at: datetime

    @property
    def sound(self) -> bool:
        """Whether nothing fails."""
        return all(answer.outcome is not Outcome.FAIL for answer in self.answers)
