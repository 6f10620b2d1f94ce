"""Does the candidate apply templates and chat as it should?

The stable models must do so exactly, with the app's own flags. A real model must make sense.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

from engine_ci.gate import asking, conversing, structured, templates
from engine_ci.gate.asking import Answer, Mode, Question, session
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.goldens import Golden
    from engine_ci.records.gate import Check

SUITE = "chat"

# SmolLM2-135M knows this one: up to the word, no runner-up comes nearer than 0.9 nats.
_WORD: Final = "Paris"
_QUESTIONS: Final = (
    "What is the capital of France? Answer with one word.",
    "Name the capital of France in one sentence.",
)
_LONGEST: Final = 24
_REPEATS: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One check of a model; `differences` yields in words in what an engine's answers differ."""

    name: str
    expected: str
    differences: Callable[[Client], Iterator[str]]
    fault_class: FaultClass = FaultClass.API


def run(context: Context) -> Iterator[Check]:
    """Two checks for each stable model with chats, four more for the first; two with tools."""
    stable = [
        (located, golden)
        for located in asking.models(context, "stable")
        if (golden := asking.golden(context, located)).chats
    ]
    for number, (located, golden) in enumerate(stable):
        more = () if number else _thorough(located, golden)
        yield from _checks(context, located, (*_exact(golden), *more))
    for located in asking.models(context, "tools"):
        yield from _checks(context, located, _calling(located))
    for located in asking.models(context, "real"):
        yield _sane(context, located)


def _exact(golden: Golden) -> Iterator[Kind]:
    yield Kind(
        name="template",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="the golden prompts, to the character",
        differences=partial(conversing.template, golden),
    )
    yield Kind(
        name="answers",
        expected="the golden text, finish reason and token counts",
        differences=partial(conversing.replies, golden),
    )


def _thorough(located: LocatedModel, golden: Golden) -> Iterator[Kind]:
    yield Kind(
        name="awkward",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="awkward conversations as Jinja2 renders them",
        differences=partial(conversing.awkward, templates.load(located.path)),
    )
    yield Kind(
        name="streams",
        expected="the golden text in pieces, finish reason and usage once",
        differences=partial(conversing.streams, golden),
    )
    yield Kind(
        name="logprobs",
        expected="the golden log-probabilities, but for rounding",
        differences=partial(conversing.logprobs, golden),
    )
    yield Kind(
        name="json-schema",
        expected="the one answer that the schema allows",
        differences=structured.json_schema,
    )


def _calling(located: LocatedModel) -> Iterator[Kind]:
    yield Kind(
        name="template",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="tools and their calls as Jinja2 renders them",
        differences=partial(conversing.tools, templates.load(located.path)),
    )
    yield Kind(
        name="tool-call",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="the one call that the tool allows",
        differences=structured.tool_call,
    )


def _checks(context: Context, located: LocatedModel, kinds: Iterable[Kind]) -> Iterator[Check]:
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        for kind in kinds:
            question = Question(
                suite=SUITE,
                name=f"{located.model.name}/{kind.name}",
                fault_class=kind.fault_class,
                expected=kind.expected,
            )
            yield question.ask(partial(opened.answer, partial(_judge, kind.differences)))


def _judge(differences: Callable[[Client], Iterator[str]], engine: Engine) -> Answer:
    if found := list(differences(engine.client)):
        observed = f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=asking.listed(found))
    return Answer(status=Status.PASS, observed="the same")


def _sane(context: Context, located: LocatedModel) -> Check:
    question = Question(
        suite=SUITE,
        name=f"{located.model.name}/sane",
        fault_class=FaultClass.NUMERIC,
        expected=f"plain answers that name {_WORD}",
    )
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        return question.ask(lambda: opened.answer(_judge_sense))


def _judge_sense(engine: Engine) -> Answer:
    texts = [
        engine.client.chat([{"role": "user", "content": question}], count=_LONGEST).text
        for question in _QUESTIONS
    ]
    complaints = [f"{text!r}: {said}" for text in texts if (said := complaint(text, word=_WORD))]
    if complaints:
        observed = f"{len(complaints)} of {len(texts)} make no sense"
        return Answer(status=Status.FAIL, observed=observed, detail=asking.listed(complaints))
    return Answer(status=Status.PASS, observed="; ".join(texts))


def complaint(text: str, *, word: str) -> str:
    """Why a text is no sane answer, "" when it is one."""
    if not text.strip():
        return "empty"
    if not text.replace("\n", "").isprintable() or "\N{REPLACEMENT CHARACTER}" in text:
        return "not plain text"
    runs = (len(list(run)) for _, run in groupby(re.findall(r"\w+|[^\w\s]", text)))
    if max(runs) >= _REPEATS:
        return "repeats itself"
    return "" if word in text else f"does not mention {word}"
