"""Does the candidate give the goldens' tokens, however it is started and asked?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from engine_ci.engine.adapters.options import DRAFT
from engine_ci.gate import asking, checking, modes
from engine_ci.gate.asking import Mode
from engine_ci.gate.checking import Answer, Question
from engine_ci.gate.modes import session
from engine_ci.gate.scales import rounded
from engine_ci.records.gate import FaultClass, Margins, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.client import Completion
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.asking import Session
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.goldens import Case, Golden
    from engine_ci.gate.modes import Exchange
    from engine_ci.records.gate import Check

SUITE = "tokens"

_OF_ALL: Final = (Mode.STRICT, Mode.APP)
_OF_FIRST: Final = (Mode.STRICT, Mode.CACHED, Mode.BATCHES, Mode.SLOTS, Mode.APP)


def run(context: Context) -> Iterator[Check]:
    """Two checks of each stable model, seven of the first of an architecture.

    Their margins hold on any hardware. Stable models of one architecture differ in how they split
    text, which no further mode has to do with.
    """
    stable = asking.models(context, "stable")
    first = {located.model.architecture: located for located in reversed(stable)}.values()

    def checks(located: LocatedModel) -> Iterator[Check]:
        for group in modes.starts(_OF_FIRST if located in first else _OF_ALL):
            yield from _in_one_start(context, located, group)
        if located in first:
            yield from _guessed(context, located)

    yield from asking.side_by_side(checks, stable)


def _in_one_start(
    context: Context, located: LocatedModel, group: Sequence[Mode]
) -> Iterator[Check]:
    golden = asking.golden(context, located)
    with session(context, context.candidate, suite=SUITE, located=located, mode=group[0]) as opened:
        for mode in group:
            yield _check(located, golden, mode, opened)


def _guessed(context: Context, located: LocatedModel) -> Iterator[Check]:
    """With a second model that guesses tokens ahead: with itself, and with one that is wrong."""
    golden = asking.golden(context, located)
    others = asking.models(context, "sensitive")[:1]
    for name, draft in (("right", located), *(("wrong", other) for other in others)):
        start = partial(
            asking.session,
            context,
            suite=f"{SUITE}-guessed-{name}",
            located=located,
            mode=Mode.STRICT,
            settings=replace(modes.SETTINGS[Mode.STRICT], draft=draft.path),
        )
        question = Question(
            suite=SUITE,
            name=f"{located.model.name}/guessed-{name}",
            fault_class=FaultClass.KV,
            expected=f"the golden tokens in all {len(golden.cases)} cases, some of them guessed",
        )
        ask = partial(_after_guesses, golden)
        with start(context.candidate) as opened:
            before = partial(asking.before, context, start, ask)
            yield question.ask(partial(_with_guesses, context, opened, ask), before=before)


def _with_guesses(context: Context, opened: Session, ask: Callable[[Engine], Answer]) -> Answer:
    asking.require(context.candidate, DRAFT)
    return opened.answer(ask)


def _after_guesses(golden: Golden, engine: Engine) -> Answer:
    exchanges = _ask(golden, Mode.STRICT, engine)
    answer = judge(exchanges)
    if answer.status is Status.PASS and not any(one.found.drafted for one in exchanges):
        return Answer(status=Status.FAIL, observed="no token was guessed", margins=answer.margins)
    return answer


def _check(located: LocatedModel, golden: Golden, mode: Mode, opened: Session) -> Check:
    question = Question(
        suite=SUITE,
        name=f"{located.model.name}/{mode}",
        fault_class=FaultClass.NUMERIC,
        expected=f"the golden tokens in all {len(golden.cases)} cases",
    )
    return question.ask(lambda: judge(opened.answer(partial(_ask, golden, mode))))


def _ask(golden: Golden, mode: Mode, engine: Engine) -> list[Exchange]:
    return modes.ask(mode, golden.cases, engine.client)


def judge(exchanges: Sequence[Exchange]) -> Answer:
    """Compares the answers with their cases."""
    found = [(difference(one.case, one.found), *one.amiss) for one in exchanges]
    least = min(step.margin for one in exchanges for step in one.case.steps)
    margins = Margins(margin=rounded(least))
    if differences := [text for texts in found for text in texts if text]:
        wrong = sum(any(texts) for texts in found)
        return Answer(
            status=Status.FAIL,
            observed=f"{wrong} of {len(found)} answers differ",
            detail=checking.listed(differences),
            margins=margins,
        )
    observed = f"the same in all {len(found)} answers"
    return Answer(status=Status.PASS, observed=observed, margins=margins)


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
