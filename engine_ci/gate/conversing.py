"""What a `llama-server` makes of conversations: prompts, answers, streams, log-probabilities.

Each question yields in words what differs; another shape is an EngineAnswerError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine_ci.engine import answers
from engine_ci.engine.client import GREEDY
from engine_ci.gate import asking, templates
from engine_ci.gate.api import chat_shapes, questions
from engine_ci.gate.api.questions import CHAT, difference, post

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.engine.answers import Position
    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Chat, Golden, Step

_TOP: Final = 5
# Nats. With flash attention and an F16 cache, good builds stay within 0.008.
_TOLERANCE: Final = 0.05


def template(golden: Golden, client: Client) -> Iterator[str]:
    """In what `/apply-template`, and the tokens of its prompts, differ, in words."""
    for chat in golden.chats:
        prompt = client.apply_template(_messages(chat))
        yield from difference(f"prompt of {chat.id}", chat.prompt, prompt)
        tokens = client.tokenize(chat.prompt)
        yield from difference(f"token IDs of prompt {chat.id}", golden.case(chat.id).prompt, tokens)


def awkward(source: str, client: Client) -> Iterator[str]:
    """In what `/apply-template` differs from the template as Jinja2 renders it, in words."""
    for name, messages in templates.AWKWARD.items():
        yield from rendered(f"prompt of `{name}`", source, {"messages": messages}, client)


def tools(source: str, client: Client) -> Iterator[str]:
    """The same with a tool on offer, and a call of it in the conversation."""
    yield from rendered("prompt with a tool", source, templates.WITH_A_TOOL, client)


def rendered(
    what: str,
    source: str,
    body: Mapping[str, Any],
    client: Client,
    *,
    known: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """In what the prompt of a body differs from the template as Jinja2 renders it, in words.

    Raises:
        RefusedError: with what is `known` besides, the template renders none.
    """
    expected = templates.render(source, **body, **(known or {}))
    yield from difference(what, expected, prompt(client, **body))


def prompt(client: Client, **body: object) -> str:
    """What `/apply-template` makes of a body."""
    return post(client, "/apply-template", body, answers.Prompt).prompt


def replies(golden: Golden, client: Client) -> Iterator[str]:
    """In what `/v1/chat/completions` differs, in words."""
    for chat in golden.chats:
        case = golden.case(chat.id)
        found = client.chat(_messages(chat), count=len(case.steps) + asking.BEYOND)
        for what, wanted, given in (
            ("text", chat.answer, found.text),
            ("finish reason", "stop", found.finish),
            ("prompt tokens", len(case.prompt), found.prompt_tokens),
            ("completion tokens", len(case.steps), found.completion_tokens),
        ):
            yield from difference(f"{what} of {chat.id}", wanted, given)


def streams(golden: Golden, client: Client) -> Iterator[str]:
    """The same, asked for piece by piece with usage."""
    for chat in golden.chats:
        case = golden.case(chat.id)
        body = _body(golden, chat) | {"stream_options": {"include_usage": True}}
        said = questions.stream(client, body)
        finishes = [choice.finish_reason for chunk in said for choice in chunk.choices]
        usages = [
            (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for chunk in said
            if chunk.usage
        ]
        for what, wanted, given in (
            ("text", chat.answer, questions.text(said)),
            ("finish reasons", ["stop"], [reason for reason in finishes if reason]),
            ("finish reason at the end", ["stop"], finishes[-1:]),
            ("tokens of prompt and completion", [(len(case.prompt), len(case.steps))], usages),
        ):
            yield from difference(f"{what} of {chat.id}", wanted, given)


def logprobs(golden: Golden, client: Client) -> Iterator[str]:
    """How far log-probabilities of chats are from the golden's, where it is too far, in words."""
    for chat in golden.chats:
        body = _body(golden, chat) | {"logprobs": True, "top_logprobs": _TOP}
        (choice,) = post(client, CHAT, body, chat_shapes.Explained).choices
        found, steps = choice.logprobs.content, golden.case(chat.id).steps
        yield from difference(f"positions of {chat.id}", len(steps), len(found))
        for number, (step, position) in enumerate(zip(steps, found, strict=False)):
            for far in _far(step, position):
                yield f"position {number} of {chat.id}: {far}"


def _far(step: Step, position: Position) -> Iterator[str]:
    golden = dict(step.top)
    top = position.top_logprobs
    yield from difference("number of the likeliest", _TOP, len(top))
    for likely in (position, *top):
        expected = golden.get(likely.id, float("-inf"))
        if not abs(likely.logprob - expected) <= _TOLERANCE:
            yield f"token {likely.id}: expected {expected}, found {likely.logprob}"


def _body(golden: Golden, chat: Chat) -> dict[str, Any]:
    count = len(golden.case(chat.id).steps) + asking.BEYOND
    return GREEDY | {"messages": _messages(chat), "max_tokens": count}


def _messages(chat: Chat) -> list[Mapping[str, str]]:
    return [{"role": message.role, "content": message.content} for message in chat.messages]
