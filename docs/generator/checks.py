"""The checks of the gate, as one run over the whole zoo made them, and the faults that fail them.

Suites make their checks while they ask, so a run tells which there are:
`python -m docs.generator GATE_JSON` keeps what it says in `checks.json`. A test holds the ids
against those of a run of its own (`tests/engine/test_suites.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from docs.generator.regions import row, table
from tests.engine.test_suites import PLANTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEPT: Final = Path(__file__).parent / "checks.json"


class Listed(NamedTuple):
    """One check of a run."""

    id: str
    fault_class: str
    expected: str

    @property
    def suite(self) -> str:
        """Who asks."""
        return self.id.partition("/")[0]

    @property
    def model(self) -> str:
        """The model that it asks; empty where it asks no particular one."""
        match self.id.split("/"):
            case [_suite, model, _question]:
                return model
            case [_suite, model, *_] if self.expected == f"ready with {model}":
                return model
            case _:
                return ""

    @property
    def question(self) -> str:
        """Its id, whatever the model."""
        return "/".join("*" if part == self.model else part for part in self.id.split("/"))


def keep(gate_json: Path) -> None:
    """Remembers the checks of a run."""
    checks = json.loads(gate_json.read_text(encoding="utf-8"))["checks"]
    lines = [json.dumps([each["id"], each["fault_class"], each["expected"]]) for each in checks]
    KEPT.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def kept() -> list[Listed]:
    """The checks of that run."""
    return [Listed(*each) for each in json.loads(KEPT.read_text(encoding="utf-8"))]


def reference() -> str:
    """A table for each suite."""
    checks = kept()
    suites = dict.fromkeys(each.suite for each in checks)
    return "\n".join(
        f"### `{suite}`\n\n" + table("check", "models", "catches", "expected", "faults planted",
                                   rows=list(_rows(each for each in checks if each.suite == suite)))
        for suite in suites
    )  # fmt: skip


def _rows(checks: Iterable[Listed]) -> Iterator[str]:
    by_question: dict[str, list[Listed]] = {}
    for check in checks:
        by_question.setdefault(check.question, []).append(check)
    for question, asked in by_question.items():
        expected = dict.fromkeys(
            each.expected.replace(each.model or " ", "it" if each.model else " ") for each in asked
        )
        yield row(
            f"`{question}`",
            str(len(asked)) if asked[0].model else "",
            f"`{asked[0].fault_class}`",
            "; or ".join(expected),
            ", ".join(f"`{fault}`" for fault in _planted({each.id for each in asked})),
        )


def _planted(ids: set[str]) -> list[str]:
    """The names of the faults that make one of these fail, in the tests."""
    return list(dict.fromkeys(each.fault for each in PLANTED if ids & each.fails))
