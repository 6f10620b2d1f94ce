"""Does the candidate tokenise, apply templates and chat as it should?

The stable models must do so exactly, with the app's own flags. A real model must make sense.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

from engine_ci.gate import asking
from engine_ci.gate.asking import Answer, Mode, Question, session
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.goldens import Golden, Message
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


def run(context: Context) -> Iterator[Check]:
    """Three checks for each stable model whose golden has chats, one for each real one."""
    for located in asking.models(context, "stable"):
        if (golden := asking.golden(context, located)).chats:
            yield from _exact(context, located, golden)
    for located in asking.models(context, "real"):
        yield _sane(context, located)


def _exact(context: Context, located: LocatedModel, golden: Golden) -> Iterator[Check]:
    kinds: tuple[tuple[str, FaultClass, str, Differences], ...] = (
        ("tokenizer", FaultClass.TOKENIZER, "the golden token IDs, and the text back", tokenizer),
        ("template", FaultClass.CHAT_TEMPLATE, "the golden prompts, to the character", template),
        ("answers", FaultClass.API, "the golden text, finish reason and token counts", answers),
    )
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        for name, fault_class, expected, differences in kinds:
            question = Question(
                suite=SUITE,
                name=f"{located.model.name}/{name}",
                fault_class=fault_class,
                expected=expected,
            )
            yield question.ask(partial(opened.answer, partial(_judge, golden, differences)))


def _judge(golden: Golden, differences: Differences, engine: Engine) -> Answer:
    if found := list(differences(golden, engine.client)):
        observed = f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=asking.listed(found))
    return Answer(status=Status.PASS, observed="the same")


def tokenizer(golden: Golden, client: Client) -> Iterator[str]:
    """In what `/tokenize` and `/detokenize` differ, in words."""
    for item in golden.tokenised:
        tokens = client.tokenize(item.text, parse_special=False)
        yield from _difference(f"token IDs of {item.text!r}", item.tokens, tokens)
        yield from _difference(f"text of {item.tokens}", item.text, client.detokenize(item.tokens))


def template(golden: Golden, client: Client) -> Iterator[str]:
    """In what `/apply-template`, and the tokens of its prompts, differ, in words."""
    for chat in golden.chats:
        prompt = client.apply_template(_plain(chat.messages))
        yield from _difference(f"prompt of {chat.id}", chat.prompt, prompt)
        tokens = client.tokenize(chat.prompt)
        yield from _difference(
            f"token IDs of prompt {chat.id}", golden.case(chat.id).prompt, tokens
        )


def answers(golden: Golden, client: Client) -> Iterator[str]:
    """In what `/v1/chat/completions` differs, in words."""
    for chat in golden.chats:
        case = golden.case(chat.id)
        found = client.chat(_plain(chat.messages), count=len(case.steps) + asking.BEYOND)
        for what, wanted, given in (
            ("text", chat.answer, found.text),
            ("finish reason", "stop", found.finish),
            ("prompt tokens", len(case.prompt), found.prompt_tokens),
            ("completion tokens", len(case.steps), found.completion_tokens),
        ):
            yield from _difference(f"{what} of {chat.id}", wanted, given)


def _difference(what: str, expected: object, found: object) -> Iterator[str]:
    if expected != found:
        yield f"{what}: expected {expected!r}, found {found!r}"


def _plain(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


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


if TYPE_CHECKING:
    Differences = Callable[[Golden, Client], Iterator[str]]
