"""Does the candidate's HTTP API still have the fields, errors and status codes that apps rely on?

One start of one stable model with the app's own flags; what is right is known from its golden.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from engine_ci.gate import asking, checking
from engine_ci.gate.api import chances, dialects, promises, questions, refusals
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

_NULLS: Final = "nulls"
_SAMPLERS: Final = "samplers"
_DIALECTS: Final[tuple[tuple[str, Differences], ...]] = (
    ("completions", dialects.completions),
    ("responses", dialects.responses),
    ("messages", dialects.messages),
)
# Who breaks one of these as the baseline does has not got worse.
_PROMISES: Final = (_NULLS, _SAMPLERS, *(name for name, _ in _DIALECTS))
_KINDS: Final[tuple[tuple[str, str, Differences], ...]] = (
    ("props", "template, slots and default settings", promises.props),
    ("models", "a list of one model", promises.models),
    ("completion", "the golden text, all fields, exact counts", promises.completion),
    ("completion-stream", "the same, piece by piece", promises.completion_stream),
    ("chat", "the golden text, all fields, exact usage", promises.chat),
    ("chat-stream", "the same in chunks, one usage, and [DONE]", promises.chat_stream),
    *((name, f"the same by `/v1/{name}`, whole and in pieces", ask) for name, ask in _DIALECTS),
    ("stop-strings", "text that ends before the stop string", promises.stop_strings),
    ("ignore-eos", "an end at the end token, or none where told so", promises.ignore_eos),
    ("sampling", "the same with the same seed, and not with another", promises.sampling),
    (_SAMPLERS, "the probabilities that each sampler should leave", chances.samplers_of),
    ("logprobs", "the likeliest tokens in each place, best first", promises.logprobs),
    (_NULLS, "parameters of null taken for none", promises.nulls),
    ("errors", "status and error object for each unsound request", refusals.errors),
    ("context-size", "status 400 and both sizes for a prompt too long", refusals.context_size),
    ("goes-on", "healthy, and the golden text, after all refusals", refusals.goes_on),
)


def run(context: Context) -> Iterator[Check]:
    """Eighteen checks with the first stable model and the app's own flags."""
    for located in asking.models(context, "stable")[:1]:
        yield from _checks(context, located)


def _checks(context: Context, located: LocatedModel) -> Iterator[Check]:
    known = questions.knowledge(asking.golden(context, located), context.candidate.app_argv)
    start = partial(session, context, suite=SUITE, located=located, mode=Mode.APP)
    with start(context.candidate) as opened:
        for name, expected, differences in _KINDS:
            question = Question(
                suite=SUITE, name=name, fault_class=FaultClass.API, expected=expected
            )
            judge = partial(_judge, known, differences)
            before = partial(asking.before, context, start, judge) if name in _PROMISES else None
            yield question.ask(partial(opened.answer, judge), before=before)


def _judge(known: Known, differences: Differences, engine: Engine) -> Answer:
    if found := list(differences(engine.client, known)):
        observed = found[0] if len(found) == 1 else f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=checking.listed(found))
    return Answer(status=Status.PASS, observed="as expected")
