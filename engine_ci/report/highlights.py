"""Pure. What of a gate result is shown on the run itself: few words, and where to read the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine_ci.gate.judge import is_fatal
from engine_ci.records.gate import Status, Verdict
from engine_ci.report import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.records.gate import Check, GateResult


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """One of them."""

    level: Literal["error", "warning"]
    title: str
    message: str


def of(result: GateResult, *, most: int) -> tuple[Annotation, ...]:
    """An error for each check that decided, at most so many in all; a warning for a doubt."""
    if result.verdict is Verdict.PASS:
        return ()
    if result.verdict is Verdict.INCONCLUSIVE:
        title = "The gate cannot tell"
        return (Annotation(level="warning", title=title, message=summary.headline(result)),)
    failed = [check for check in result.checks if is_fatal(check)]
    told = failed or [check for check in result.checks if check.status is Status.ERROR]
    if not told:
        return (Annotation(level="error", title="The gate", message=summary.headline(result)),)
    return _errors(told, most=most)


def _errors(checks: Sequence[Check], *, most: int) -> tuple[Annotation, ...]:
    shown = checks if len(checks) <= most else checks[: most - 1]
    rest = len(checks) - len(shown)
    errors = tuple(_error(check) for check in shown)
    if not rest:
        return errors
    message = f"{rest} more checks came out like these: the report has them all"
    return (*errors, Annotation(level="error", title="And more", message=message))


def _error(check: Check) -> Annotation:
    observed = summary.shortened(check.observed)
    return Annotation(
        level="error",
        title=check.id,
        message=f"expected {summary.shortened(check.expected)}, observed {observed}",
    )
