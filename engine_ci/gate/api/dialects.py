"""The golden answer through the other APIs of a `llama-server`, whole and in pieces.

Those of OpenAI for a text that goes on and for responses, and Anthropic's for messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from engine_ci.engine.answers import Count, Shape, Text, Usage
from engine_ci.engine.client import GREEDY
from engine_ci.gate.api import parts
from engine_ci.gate.api.anthropic import MESSAGES
from engine_ci.gate.api.parts import Part, Told
from engine_ci.gate.api.questions import difference, post
from engine_ci.gate.api.responses import RESPONSES
from engine_ci.gate.asking import BEYOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.parts import Body, Dialect
    from engine_ci.gate.api.questions import Known

TEXT: Final = "/v1/completions"
# Where each API says how many tokens a prompt takes, and what a prompt is called there.
COUNTS: Final = (
    ("/v1/chat/completions/input_tokens", "messages"),
    ("/v1/responses/input_tokens", "input"),
    ("/v1/messages/count_tokens", "messages"),
)


class _Text(Shape):
    text: Text
    finish_reason: Text | None


class Completion(Shape):
    """`POST /v1/completions`, or one event of it; the last has the usage."""

    object: Literal["text_completion"]
    choices: Annotated[list[_Text], Field(min_length=1, max_length=1)]
    usage: Usage | None = None


class _Counted(Shape):
    input_tokens: Count


def completions(client: Client, known: Known) -> Iterator[str]:
    """In what `/v1/completions` differs, in words; so do the others."""
    body = _body(known, prompt=known.prompt, limit="max_tokens")
    whole = post(client, TEXT, body, Completion)
    yield from difference("text", known.answer, whole.choices[0].text)
    yield from _ended(known, whole, what="")
    pieces = parts.events(client, TEXT, body | {"stream": True}, Completion)
    said = "".join(piece.choices[0].text for piece in pieces)
    yield from difference("text (stream)", known.answer, said)
    for last in pieces[-1:]:
        yield from _ended(known, last, what=" (stream)")


def _ended(known: Known, last: Completion, *, what: str) -> Iterator[str]:
    took = last.usage and (last.usage.prompt_tokens, last.usage.completion_tokens)
    yield from difference(f"finish_reason{what}", "stop", last.choices[0].finish_reason)
    yield from difference(f"usage{what}", (known.prompted, len(known.tokens)), took)


def responses(client: Client, known: Known) -> Iterator[str]:
    """`/v1/responses`."""
    body = _body(known, input=list(known.messages), limit="max_output_tokens")
    yield from _told(client, known, RESPONSES, body)


def messages(client: Client, known: Known) -> Iterator[str]:
    """`/v1/messages`."""
    body = _body(known, messages=list(known.messages), limit="max_tokens")
    yield from _told(client, known, MESSAGES, body)


def counts(client: Client, known: Known) -> Iterator[str]:
    """What is counted of a prompt that is not answered."""
    for path, prompt in COUNTS:
        body = {"model": "any", prompt: list(known.messages)}
        counted = post(client, path, body, _Counted)
        yield from difference(f"tokens by {path}", known.prompted, counted.input_tokens)


def _told(client: Client, known: Known, dialect: Dialect, body: Body) -> Iterator[str]:
    expected = Told(
        parts=(Part("text", known.answer),),
        ended=dialect.finished,
        prompted=known.prompted,
        answered=len(known.tokens),
    )
    yield from parts.differences(client, dialect, body, expected)


def _body(known: Known, *, limit: str, **asked: object) -> Body:
    return GREEDY | {"model": "any", limit: len(known.tokens) + BEYOND} | asked
