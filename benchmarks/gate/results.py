"""What is kept of each gate run, one small file for each engine; and of each regression shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel

from engine_ci.errors import RecordError
from engine_ci.records.gate import CheckId, FaultClass, Status, Verdict
from engine_ci.system import documents
from engine_ci.system.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.records.gate import GateResult

LineT = TypeVar("LineT", bound=BaseModel)

RESULTS: Final = Path(__file__).with_name("results")


class Finding(Document):
    """A check that did not pass; where it does not block, it is advice."""

    check: CheckId
    status: Status
    fault_class: FaultClass
    observed: str
    blocking: bool = True


class Speed(Document):
    """A metric's ratio to the baseline, and its bounds."""

    metric: str
    ratio: float
    low: float
    high: float


class Result(Document):
    """What the gate said of one engine.

    Attributes:
        made_with: of the engine, its baseline and the gate; another one makes this result stale.
        passed: how many checks passed.
    """

    engine: str
    baseline: str
    made_with: str
    suites: tuple[str, ...]
    verdict: Verdict
    seconds: float
    passed: int
    findings: tuple[Finding, ...]
    speed: tuple[Speed, ...] = ()

    @property
    def warned(self) -> tuple[Finding, ...]:
        """The findings that a person is to look at."""
        return tuple(found for found in self.findings if found.status is Status.WARN)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that make the gate say no."""
        return blocking(self.findings)


def blocking(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that make the gate say no."""
    return tuple(each for each in found if each.status is Status.FAIL and each.blocking)


def findings(answer: GateResult) -> tuple[Finding, ...]:
    """All that did not pass."""
    return tuple(
        Finding(
            check=check.id,
            status=check.status,
            fault_class=check.fault_class,
            observed=check.observed[:160],
            blocking=check.blocking,
        )
        for check in answer.checks
        if check.status is not Status.PASS
    )


class Shown(Document):
    """What an engine with a regression says when it is asked for it, and the one without.

    Attributes:
        real: what a build of that time says, where its repair is taken back.
    """

    engine: str
    broken: str
    sound: str
    real: str = ""


def shown_file(engine: str) -> Path:
    """Where it is kept."""
    return RESULTS / "history" / f"{engine}.json"


def load_all() -> list[Result]:
    """Every result there is, by name."""
    return [
        documents.load_json(path, Result, error=RecordError)
        for path in sorted(RESULTS.glob("*.json"))
    ]


def load_lines(file: Path, kind: type[LineT]) -> tuple[LineT, ...]:
    """What a file has a line each of, in order; nothing where there is no file yet."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return tuple(map(kind.model_validate_json, lines))


def load_shown() -> dict[str, Shown]:
    """Every regression that was shown, by the engine that has it."""
    return {
        path.stem: documents.load_json(path, Shown, error=RecordError)
        for path in sorted(shown_file("x").parent.glob("*.json"))
    }
