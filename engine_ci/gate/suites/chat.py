"""Does the candidate tokenise, apply templates and chat as it should?

The stable models must do so exactly, with the app's own flags.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

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


def run(context: Context) -> Iterator[Check]:
    """Three checks for each stable model whose golden has chats."""
    for located in asking.models(context, "stable"):
        if (golden := asking.golden(context, located)).chats:
            yield from _exact(context, located, golden)


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


if TYPE_CHECKING:
    Differences = Callable[[Golden, Client], Iterator[str]]
