"""Pure. Questions and their answers: lines for a terminal, a table for a page of GitHub's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.doctor import Outcome
from engine_ci.system.markdown import plain, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine_ci.records.doctor import Answer

_MARKS: Final[Mapping[Outcome, str]] = {
    Outcome.OK: "✅",
    Outcome.WARN: "⚠️",
    Outcome.FAIL: "❌",
    Outcome.UNKNOWN: "❔",
}


def text(answers: Iterable[Answer]) -> str:
    """A line for each question, and under it what to do; what nobody can see is spelled out."""
    return "\n".join(line for answer in answers for line in _lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    yield f"{answer.outcome.value:<8} {answer.id:<20}  {visible(answer.observed)}"
    if answer.hint:
        yield f"{'':<30} → {visible(answer.hint)}"


def table(answers: Iterable[Answer], *, subject: str) -> str:
    """The same in Markdown; `subject` heads the column of what was asked."""
    rows = [
        f"| {plain(answer.id)} | {_MARKS[answer.outcome]} {answer.outcome.value} | {_why(answer)} |"
        for answer in answers
    ]
    return "\n".join([f"| {subject} | result | why |", "| --- | --- | --- |", *rows])


def _why(answer: Answer) -> str:
    said = plain(answer.observed)
    return f"{said} → {plain(answer.hint)}" if answer.hint else said
