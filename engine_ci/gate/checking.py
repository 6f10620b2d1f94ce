"""Turns what comes of a question, whatever happens, into a check."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine_ci.errors import EngineDiedError, EngineError, EngineStartError, HarnessError
from engine_ci.gate import last_words
from engine_ci.records.gate import Check, FaultClass, Status
from engine_ci.system import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.records.gate import Margins

_SHOWN: Final = 5


class NotAskedError(Exception):
    """The question makes no sense here; its check is skipped, and this says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        fault_class: where it turned out to be another than the one that was asked about.
        margins: where tokens were compared.
    """

    status: Status
    observed: str
    detail: str = ""
    fault_class: FaultClass | None = None
    margins: Margins | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A check that has not been made yet; its id is `suite/name`."""

    suite: str
    name: str
    fault_class: FaultClass
    expected: str

    def ask(
        self, judge: Callable[[], Answer], *, before: Callable[[], Answer] | None = None
    ) -> Check:
        """Makes the check. Errors of the engine fail it, errors of our harness are its own.

        `before` judges the baseline in the same way, and is asked only where the candidate fails:
        who breaks a promise that its predecessor broke too has not got worse, and is warned of. So
        is who has no predecessor that could be asked, but for a crash: such a gate never passes.
        """
        # In a thread of its own nobody else says that the gate was stopped.
        interrupts.refuse_to_start()
        started = time.perf_counter()
        answer = _answer(judge)
        if before and answer.status is Status.FAIL:
            answer = _beside(answer, _answer(before))
        return Check(
            id=f"{self.suite}/{self.name}",
            suite=self.suite,
            status=answer.status,
            fault_class=answer.fault_class or self.fault_class,
            expected=self.expected,
            observed=answer.observed,
            detail=answer.detail,
            margins=answer.margins,
            seconds=round(time.perf_counter() - started, 3),
        )


def _answer(judge: Callable[[], Answer]) -> Answer:
    try:
        return judge()
    except NotAskedError as reason:
        return Answer(status=Status.SKIP, observed=f"not asked: {reason}")
    except EngineError as problem:
        return Answer(
            status=Status.FAIL,
            observed=problem.message,
            detail="\n".join(problem.log),
            fault_class=_class_of(problem),
        )
    except HarnessError as problem:
        return Answer(status=Status.ERROR, observed=problem.message)


def _beside(answer: Answer, before: Answer) -> Answer:
    """A failure, or a warning where the baseline fails in the same way, or cannot be asked."""
    if before.status is Status.SKIP and answer.fault_class is None:
        said = f"whether the baseline does so too was {before.observed}"
    elif before.status is Status.FAIL and before.fault_class is answer.fault_class:
        said = "the baseline does so too"
    else:
        return answer
    return replace(answer, status=Status.WARN, observed=f"{answer.observed}; {said}")


def _class_of(problem: EngineError) -> FaultClass | None:
    """None where it is that of the question."""
    match problem:
        case EngineDiedError():
            return FaultClass.CRASH_RUNTIME
        case EngineStartError():
            return last_words.blame(problem.log)
        case _:
            return None


def listed(differences: Sequence[str]) -> str:
    """The first differences, a line each, and how many more there are."""
    shown = "\n".join(differences[:_SHOWN])
    more = len(differences) - _SHOWN
    return f"{shown}\nand {more} more" if more > 0 else shown


def compared(differences: Iterable[str], *, right: str = "the same") -> Answer:
    """Judges in what answers differ from what is known; `right` says that they do not."""
    if found := list(differences):
        observed = f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=listed(found))
    return Answer(status=Status.PASS, observed=right)


def ready(engine: Engine) -> Answer:
    """That an engine is there is what was asked."""
    return Answer(status=Status.PASS, observed=f"ready in {engine.started_s:.2f} s")
