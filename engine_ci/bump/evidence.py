"""Pure. Whether what a job left is of this commit, and says what the gate said.

An artifact holds whatever its job wrote. So a verdict has to follow from its checks once more, and
all that can be known otherwise has to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.gate.judge import judge
from engine_ci.records.change import Change
from engine_ci.records.gate import SPEED, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from engine_ci.records.check import CheckRecord
    from engine_ci.records.gate import GateResult


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a job that ran the gate left.

    Attributes:
        gate_sha256: measured, of the file that `result` was read from.
    """

    record: CheckRecord
    result: GateResult
    gate_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What all of it has to be about.

    Attributes:
        head: the commit that is checked out.
        suites: of the configuration there; those of them that were to be asked.
        restarts: after fewer of them its profile does not judge speed, but for what has regressed.
        change: what that commit changes; a text says why nobody knows.
    """

    head: str
    suites: Collection[str]
    restarts: int
    change: Change | str


def flaw(left: Evidence, asked: Asked, *, others: Collection[Evidence | str] = ()) -> str | None:
    """What shows that a record is of something else, or was not written by the gate.

    Args:
        left: by one job.
        asked: what it has to be about.
        others: what the other jobs left: no two runs are the same to the second.
    """
    hashes = {each.gate_sha256 for each in others if isinstance(each, Evidence)}
    if left.gate_sha256 in hashes:
        return "another job left the same gate.json"
    return next(_flaws(left, asked), None)


def _flaws(left: Evidence, asked: Asked) -> Iterator[str]:
    record, result = left.record, left.result
    if isinstance(asked.change, Change):
        yield from _differences(
            ("its base", asked.change.base, record.base),
            ("that a pin moved", asked.change.pin_moved, record.pin_moved),
        )
        named = {(pin.name, pin.after) for pin in asked.change.pins}
        if (record.pin, record.candidate) not in named:
            yield f"{record.pin} {record.candidate} is no engine of this commit"
    engine = result.engines.candidate
    yield from _differences(
        ("the commit", asked.head, record.head),
        ("the sha256 of gate.json", record.gate_sha256, left.gate_sha256),
        ("the engine", f"{record.pin} {record.candidate}", f"{engine.pin} {engine.version}"),
        ("the verdict of gate.json", record.verdict, result.verdict),
    )
    compared = (False,) if result.engines.baseline is None else (True, False)
    follow = [judge(result.checks, result.performance, compared=each) for each in compared]
    if result.verdict not in follow:
        yield differs("the verdict that follows from the checks", follow[0], result.verdict)
    missing = sorted(set(asked.suites) - result.suites)
    if missing:
        yield f"nothing was asked of {', '.join(missing)}"
    if SPEED in asked.suites:
        yield from _unmeasured(result, asked)


def _unmeasured(result: GateResult, asked: Asked) -> Iterator[str]:
    """Speed that was to be measured, and was not, or not to the end."""
    before = result.engines.baseline
    same = before is None or before.tree_sha256 == result.engines.candidate.tree_sha256
    if result.verdict is Verdict.PASS and not (same or result.performance):
        yield "it passed another engine without its speed"
    for found in result.performance:
        if found.restarts < asked.restarts and found.verdict != "regressed":
            restarts = differs("restarts", f"{asked.restarts} at least", found.restarts)
            yield f"{found.metric} was judged too early: {restarts}"


def _differences(*pairs: tuple[str, object, object]) -> Iterator[str]:
    for what, expected, found in pairs:
        if expected != found:
            yield differs(what, expected, found)


def differs(what: str, expected: object, found: object) -> str:
    """Says what was expected and what was found."""
    return f"{what}: expected {expected}, found {found}"
