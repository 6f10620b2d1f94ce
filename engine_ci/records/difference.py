"""What `engine-ci report diff` finds between two gate results."""

from __future__ import annotations

from typing import Literal, TypeAlias

from engine_ci.records.gate import CheckId, Measurement, Status, Verdict
from engine_ci.records.upstream import Names
from engine_ci.system.documents import Document, Versioned

Kind: TypeAlias = Literal["broken", "fixed", "status", "new", "gone", "answer"]


class Answer(Document):
    """What one gate said of a check."""

    status: Status
    expected: str
    observed: str


class CheckChange(Document):
    """A check that the two gates do not agree on.

    Attributes:
        kind: `broken` fails or cannot be asked any more, and `fixed` is asked and does not fail
            any more; `status` is any other change of it, `answer` the same one in other words.
        before, after: None where it was not asked at all.
    """

    id: CheckId
    kind: Kind
    before: Answer | None
    after: Answer | None


class SpeedChange(Document):
    """A ratio that differs.

    Attributes:
        before, after: without the pairs; None where it was not measured.
        apart: whether even their bounds do not overlap.
    """

    metric: str
    before: Measurement | None
    after: Measurement | None
    apart: bool


class FactChange(Document):
    """A fact about an engine or the host that differs.

    Attributes:
        name: where `gate.json` has it, `engines.candidate.version`.
        before, after: None where it is not known.
    """

    name: str
    before: str | int | float | None
    after: str | int | float | None


class FileChange(Document):
    """A file of an engine that differs.

    Attributes:
        before, after: its bytes; None where there is no such file. They may be equal.
    """

    path: str
    before: int | None
    after: int | None


class Difference(Versioned):
    """From one gate result to another.

    Attributes:
        before, after: the verdicts.
        checks: the worst first, else by name.
        flags: of the candidates; None where either did not tell.
        files: of the candidates, what is gone first; None where either is not known so well.
        libraries: of the system, that the candidates take; None likewise.
        facts: in the order of `gate.json`.
    """

    before: Verdict
    after: Verdict
    checks: tuple[CheckChange, ...]
    performance: tuple[SpeedChange, ...]
    flags: Names | None
    files: tuple[FileChange, ...] | None
    libraries: Names | None
    facts: tuple[FactChange, ...]
