"""Does the candidate know the app's flags, load every model and become ready?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.engine.adapters import options
from engine_ci.gate import asking, checking
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.records.gate import Check

SUITE = "loads"

# The suites that use these say themselves whether they load.
_LEFT: Final = ("projector", "tokenizer", "performance")


def run(context: Context) -> Iterator[Check]:
    """One check of the flags, then one for each model that no later suite is the first to load."""
    yield _flags(context)
    first = [found for found in context.models.values() if found.model.role not in _LEFT]
    yield from asking.side_by_side(lambda located: (_load(context, located),), first)


def _flags(context: Context) -> Check:
    question = Question(
        suite=SUITE,
        name="flags",
        fault_class=FaultClass.CLI,
        expected="--help lists every flag that the app passes",
    )

    def judge() -> Answer:
        candidate = context.candidate
        if missing := options.unknown(candidate.app_argv, candidate.server.flags()):
            return Answer(status=Status.FAIL, observed=f"unknown: {', '.join(missing)}")
        return Answer(status=Status.PASS, observed="all are listed")

    return question.ask(judge)


def _load(context: Context, located: LocatedModel) -> Check:
    name = located.model.name
    question = Question(
        suite=SUITE,
        name=name,
        fault_class=FaultClass.CRASH_LOAD,
        expected=f"ready with {name}",
    )
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        return question.ask(lambda: opened.answer(checking.ready))
