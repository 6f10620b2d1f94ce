"""Renders `docs/backtest.md` from the outcomes in this folder and the analysis in `notes.yaml`.

What stands behind a failing check is analysed by hand; one without a note is said to be without.
"""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import jinja2
from packaging.version import Version

from benchmarks.backtest import drift
from engine_ci.errors import RecordError
from engine_ci.gate.judge import is_fatal
from engine_ci.records.backtest import Outcome
from engine_ci.records.gate import Verdict
from engine_ci.system import documents
from engine_ci.system.documents import Document, Versioned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.records.gate import Check

RESULTS: Final = Path(__file__).parent
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "backtest.md"
_REASONS: Final = 2
_TOLD: Final = 4


class Note(Document):
    """What was found out about failing checks.

    Attributes:
        versions: of the package, to which it applies.
        checks: a pattern of check ids.
        kind: a fault of the build, or an alarm of ours that is none.
        why: what was found, and how.
    """

    package: str
    versions: tuple[str, ...]
    checks: str
    kind: Literal["fault", "false alarm"]
    why: str

    def explains(self, outcome: Outcome, check: Check) -> bool:
        """Whether it is about this check of this build."""
        return (
            self.package == outcome.package
            and outcome.version in self.versions
            and fnmatchcase(check.id, self.checks)
        )


class Notes(Versioned):
    """All notes; `remarks` are sentences about builds that did not fail."""

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()


def stored() -> list[Outcome]:
    """What is kept, by package, oldest build first."""
    outcomes = [
        documents.load_json(path, Outcome, error=RecordError) for path in RESULTS.glob("*.json")
    ]

    return sorted(outcomes, key=lambda each: (each.package, Version(each.version)))


def render(outcomes: Sequence[Outcome], notes: Notes) -> str:
    """The document."""
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(RESULTS),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, and `_cell` takes out what would end a cell
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template("document.md.j2")
    host = outcomes[-1].host
    kinds = Counter(
        kind(notes, outcome, check)
        for outcome in outcomes
        for check in outcome.checks
        if is_fatal(check)
    )
    return template.render(
        outcomes=outcomes,
        packages=[
            (package, list(group))
            for package, group in groupby(outcomes, lambda each: each.package)
        ],
        notes=notes,
        suites=", ".join(f"`{suite}`" for suite in outcomes[0].suites),
        host=host,
        gibibytes=round(host.memory / (1 << 30)),
        checks=sum(sum(outcome.counts.values()) for outcome in outcomes),
        builds={each.value: 0 for each in Verdict} | Counter(each.verdict for each in outcomes),
        failing={
            "all": kinds.total(),
            "fault": kinds["fault"],
            "false_alarm": kinds["false alarm"],
            "unknown": kinds["not analysed"],
        },
        spreads=drift.spreads(outcomes),
        why=lambda outcome: _why(outcome, notes),
    )


def kind(notes: Notes, outcome: Outcome, check: Check) -> str:
    """What a failing check turned out to be."""
    explained = (note.kind for note in notes.notes if note.explains(outcome, check))
    return next(explained, "not analysed")


def _why(outcome: Outcome, notes: Notes) -> str:
    """What failed; where nothing did and the build did not pass, what was not asked.

    Of the first checks that failed it says how, of the others only which.
    """
    failing = [
        f"`{check.id}`{_how(check) if place < _TOLD else ''} ({kind(notes, outcome, check)})"
        for place, check in enumerate(filter(is_fatal, outcome.checks))
    ]
    if failing or outcome.problem or outcome.verdict is Verdict.PASS:
        return "; ".join(failing) or _cell(outcome.problem)
    return "; ".join(sorted({_cell(check.observed) for check in outcome.checks})[:_REASONS])


def _how(check: Check) -> str:
    return f": {_cell(check.observed)}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def notes() -> Notes:
    """The analysis."""
    return documents.load_yaml(RESULTS / "notes.yaml", Notes, error=RecordError)
