"""Does the candidate's HTTP API still have the fields, errors and status codes that apps rely on?

One start of one stable model with the app's own flags, of which what is right is known from its
golden; and one of a model that fills in the middle of a text.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.gate import asking, checking
from engine_ci.gate.api import chances, dialects, infill, promises, questions, refusals
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.api.questions import Known
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.records.gate import Check

    Differences = Callable[[Client, Known], Iterator[str]]

SUITE = "api"


class _Kind(NamedTuple):
    """One check; who breaks a promise as the baseline does has not got worse."""

    name: str
    expected: str
    differences: Differences
    promise: bool = False


def _dialect(name: str, differences: Differences) -> _Kind:
    return _Kind(name, f"the same by `/v1/{name}`, whole and in pieces", differences, promise=True)


_KINDS: Final = (
    _Kind("props", "template, slots and default settings", promises.props),
    _Kind("models", "a list of one model", promises.models),
    _Kind("completion", "the golden text, all fields, exact counts", promises.completion),
    _Kind("completion-stream", "the same, piece by piece", promises.completion_stream),
    _Kind("chat", "the golden text, all fields, exact usage", promises.chat),
    _Kind("chat-stream", "the same in chunks, one usage, and [DONE]", promises.chat_stream),
    _dialect("completions", dialects.completions),
    _dialect("responses", dialects.responses),
    _dialect("messages", dialects.messages),
    _Kind("counts", "the tokens of a prompt, by each API", dialects.counts, promise=True),
    _Kind("stop-strings", "text that ends before the stop string", promises.stop_strings),
    _Kind("ignore-eos", "an end at the end token, or none where told so", promises.ignore_eos),
    _Kind("sampling", "the same with the same seed, and not with another", promises.sampling),
    _Kind(
        "samplers",
        "the probabilities that each sampler should leave",
        chances.samplers_of,
        promise=True,
    ),
    _Kind("logprobs", "the likeliest tokens in each place, best first", promises.logprobs),
    _Kind("nulls", "parameters of null taken for none", promises.nulls, promise=True),
    _Kind("errors", "status and error object for each unsound request", refusals.errors),
    _Kind("context-size", "status 400 and both sizes for a prompt too long", refusals.context_size),
    _Kind("goes-on", "healthy, and the golden text, after all refusals", refusals.goes_on),
)


def run(context: Context) -> Iterator[Check]:
    """Nineteen checks of the first stable model, and one of each that fills in the middle."""
    for located in asking.models(context, "stable")[:1]:
        yield from _checks(context, located)
    for located in asking.models(context, "infill"):
        yield _filled(context, located)


def _checks(context: Context, located: LocatedModel) -> Iterator[Check]:
    known = questions.knowledge(asking.golden(context, located), context.candidate.app_argv)
    start = partial(session, context, suite=SUITE, located=located, mode=Mode.APP)
    with start(context.candidate) as opened:
        for kind in _KINDS:
            question = Question(
                suite=SUITE, name=kind.name, fault_class=FaultClass.API, expected=kind.expected
            )
            judge = partial(_judge, known, kind.differences)
            before = partial(asking.before, context, start, judge) if kind.promise else None
            yield question.ask(partial(opened.answer, judge), before=before)


def _filled(context: Context, located: LocatedModel) -> Check:
    question = Question(
        suite=SUITE,
        name=infill.PATH[1:],
        fault_class=FaultClass.API,
        expected="what `/completion` says behind the same tokens",
    )
    marks = infill.Marks.of(located.path)

    def judge(engine: Engine) -> Answer:
        return _judged(infill.infill(marks, engine.client))

    start = partial(session, context, suite=SUITE, located=located, mode=Mode.STRICT)
    before = partial(asking.before, context, start, judge)
    with start(context.candidate) as opened:
        return question.ask(partial(opened.answer, judge), before=before)


def _judge(known: Known, differences: Differences, engine: Engine) -> Answer:
    return _judged(differences(engine.client, known))


def _judged(differences: Iterator[str]) -> Answer:
    if found := list(differences):
        observed = found[0] if len(found) == 1 else f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=checking.listed(found))
    return Answer(status=Status.PASS, observed="as expected")
