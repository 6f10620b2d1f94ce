"""The golden answer through the other APIs of a `llama-server`, whole and in pieces.

Those of OpenAI for a text that goes on and for responses, and Anthropic's for messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from engine_ci.engine import reading
from engine_ci.engine.answers import Count, Shape, Text, Usage
from engine_ci.engine.client import GREEDY
from engine_ci.gate.api.questions import DONE, difference, post
from engine_ci.gate.asking import BEYOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.questions import Known

TEXT: Final = "/v1/completions"
RESPONSES: Final = "/v1/responses"
MESSAGES: Final = "/v1/messages"
_DATA: Final = b"data: "


class _Text(Shape):
    text: Text
    finish_reason: Text | None


class Completion(Shape):
    """`POST /v1/completions`, or one event of it; the last has the usage."""

    object: Literal["text_completion"]
    choices: Annotated[list[_Text], Field(min_length=1, max_length=1)]
    usage: Usage | None = None


class _Said(Shape):
    type: Literal["output_text"]
    text: Text


class _Output(Shape):
    type: Literal["message"]
    role: Literal["assistant"]
    status: Text
    content: Annotated[list[_Said], Field(min_length=1, max_length=1)]


class _Took(Shape):
    input_tokens: Count
    output_tokens: Count


class Response(Shape):
    """`POST /v1/responses`."""

    object: Literal["response"]
    status: Text
    output: Annotated[list[_Output], Field(min_length=1, max_length=1)]
    usage: _Took


class ResponseEvent(Shape):
    """One event of it."""

    type: Text
    delta: Text | None = None


class _Block(Shape):
    type: Literal["text"]
    text: Text


class _Spent(_Took):
    cache_read_input_tokens: Count = 0


class Message(Shape):
    """`POST /v1/messages`."""

    type: Literal["message"]
    role: Literal["assistant"]
    content: Annotated[list[_Block], Field(min_length=1, max_length=1)]
    stop_reason: Text
    usage: _Spent


class _Piece(Shape):
    text: Text | None = None
    stop_reason: Text | None = None


class MessageEvent(Shape):
    """One event of it."""

    type: Text
    delta: _Piece = _Piece()


def completions(client: Client, known: Known) -> Iterator[str]:
    """In what `/v1/completions` differs, in words; so do the others."""
    body = _body(known, prompt=known.prompt, limit="max_tokens")
    whole = post(client, TEXT, body, Completion)
    yield from difference("text", known.answer, whole.choices[0].text)
    yield from _ended(known, whole, what="")
    pieces = _events(client, TEXT, body, Completion)
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
    whole = post(client, RESPONSES, body, Response)
    took = (whole.usage.input_tokens, whole.usage.output_tokens)
    yield from difference("text", known.answer, whole.output[0].content[0].text)
    yield from difference("status", ["completed"] * 2, [whole.status, whole.output[0].status])
    yield from difference("usage", (known.prompted, len(known.tokens)), took)
    events = _events(client, RESPONSES, body, ResponseEvent)
    deltas = [event.delta or "" for event in events if event.type == "response.output_text.delta"]
    yield from difference("text (stream)", known.answer, "".join(deltas))
    types = [event.type for event in events]
    yield from difference(
        "ends (stream)", ["response.created", "response.completed"], types[:1] + types[-1:]
    )


def messages(client: Client, known: Known) -> Iterator[str]:
    """`/v1/messages`."""
    body = _body(known, messages=list(known.messages), limit="max_tokens")
    whole = post(client, MESSAGES, body, Message)
    prompted = whole.usage.input_tokens + whole.usage.cache_read_input_tokens
    took = (prompted, whole.usage.output_tokens)
    yield from difference("text", known.answer, whole.content[0].text)
    yield from difference("stop_reason", "end_turn", whole.stop_reason)
    yield from difference("usage", (known.prompted, len(known.tokens)), took)
    events = _events(client, MESSAGES, body, MessageEvent)
    said = "".join(event.delta.text or "" for event in events)
    reasons = [event.delta.stop_reason for event in events if event.delta.stop_reason]
    yield from difference("text (stream)", known.answer, said)
    yield from difference("stop_reason (stream)", ["end_turn"], reasons)
    types = [event.type for event in events]
    yield from difference(
        "ends (stream)", ["message_start", "message_stop"], types[:1] + types[-1:]
    )


def _body(known: Known, *, limit: str, **asked: object) -> dict[str, Any]:
    return GREEDY | {"model": "any", limit: len(known.tokens) + BEYOND} | asked


def _events(
    client: Client, path: str, body: dict[str, Any], shape: type[reading.ShapeT]
) -> list[reading.ShapeT]:
    endpoint = f"POST {path} (stream)"
    return [
        reading.fit(reading.event(line, endpoint=endpoint), shape, endpoint=endpoint)
        for line in client.lines(path, body=body | {"stream": True})
        if line.startswith(_DATA) and line != DONE
    ]
