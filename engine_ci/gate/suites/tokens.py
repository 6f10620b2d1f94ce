"""Does the candidate give the goldens' tokens, in strict mode and with the app's own flags?"""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from engine_ci.gate import asking
from engine_ci.gate.asking import Answer, Mode, Question, session
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Completion
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.goldens import Case, Golden
    from engine_ci.records.gate import Check

SUITE = "tokens"

# How far past its golden end an answer may run before it is cut off.
_BEYOND: Final = 8


def run(context: Context) -> Iterator[Check]:
    """One check for each stable model and mode: their margins hold on any hardware."""
    for located in asking.models(context, "stable"):
        for mode in Mode:
            yield _check(context, located, mode)


def _check(context: Context, located: LocatedModel, mode: Mode) -> Check:
    golden = asking.golden(context, located)
    question = Question(
        suite=SUITE,
        name=f"{located.model.name}/{mode}",
        fault_class=FaultClass.NUMERIC,
        expected=f"the golden tokens in all {len(golden.cases)} cases",
    )
    with session(context, context.candidate, suite=SUITE, located=located, mode=mode) as opened:
        return question.ask(lambda: judge(golden, opened.answer(partial(_answers, golden))))


def _answers(golden: Golden, engine: Engine) -> list[Completion]:
    return [_answer(case, engine) for case in golden.cases]


def _answer(case: Case, engine: Engine) -> Completion:
    ends = case.stop == "eos"
    count = len(case.steps) + (_BEYOND if ends else 0)
    return engine.client.complete(case.prompt, count=count, ignore_eos=not ends)


def judge(golden: Golden, answers: list[Completion]) -> Answer:
    """Compares the answers with the cases, in their order."""
    found = [difference(*pair) for pair in zip(golden.cases, answers, strict=True)]
    if differences := [text for text in found if text]:
        return Answer(
            status=Status.FAIL,
            observed=f"{len(differences)} of {len(found)} cases differ",
            detail=asking.listed(differences),
        )
    return Answer(status=Status.PASS, observed=f"the same in all {len(found)} cases")


def difference(case: Case, answer: Completion) -> str:
    """The first thing in which an answer differs from its golden, in words; "" when none."""
    steps = zip_longest(case.tokens, answer.tokens)
    for number, (expected, found) in enumerate(steps):
        if expected != found:
            margin = case.steps[number].margin if expected is not None else None
            return (
                f"case {case.id}, step {number}: expected {_token(expected)}, "
                f"found {_token(found)}{_lead(margin)}"
            )
    if answer.stop != case.stop:
        return f"case {case.id}: expected to stop for `{case.stop}`, stopped for `{answer.stop}`"
    return ""


def _token(token: int | None) -> str:
    return "the end" if token is None else f"token {token}"


def _lead(margin: float | None) -> str:
    return "" if margin is None else f" (golden margin {margin:.2f} nats)"
