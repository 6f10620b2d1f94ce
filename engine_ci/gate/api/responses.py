"""OpenAI's `/v1/responses`: a conversation as items, and the items of an answer."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from engine_ci.engine.answers import Count, Filled, Shape, Text
from engine_ci.engine.client import GREEDY
from engine_ci.gate.api import parts
from engine_ci.gate.api.parts import Dialect, Part, Step, Streamed, Told, content_parts
from engine_ci.gate.api.questions import difference, parsed, post

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.parts import Body

PATH: Final = "/v1/responses"
_ADDED: Final = "response.output_item.added"
_DONE: Final = "response.output_item.done"
_NOTHING: Final = Told((), "", None, None)
_DELTAS: Final = {
    "response.reasoning_text.delta": "thoughts",
    "response.output_text.delta": "text",
    "response.function_call_arguments.delta": "call",
}


class _Content(Shape):
    type: Literal["output_text", "reasoning_text"]
    text: Text


class _Item(Shape):
    """What all items have; those of thoughts may do without a status."""

    id: Filled
    status: Text = "completed"


class _Reasoning(_Item):
    type: Literal["reasoning"]
    content: list[_Content]


class _Message(_Item):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[_Content]


class _Call(_Item):
    type: Literal["function_call"]
    call_id: Filled
    name: Text
    arguments: Text


_AnyItem = Annotated[_Reasoning | _Message | _Call, Field(discriminator="type")]


class _Spent(Shape):
    input_tokens: Count
    output_tokens: Count


class _Response(Shape):
    """A response; in the first events of a stream there is neither output nor usage."""

    object: Literal["response"]
    status: Text
    output: list[_AnyItem] | None = None
    usage: _Spent | None = None


class _Event(Shape):
    type: Text
    response: _Response | None = None
    item: _AnyItem | None = None
    item_id: Text = ""
    part: _Content | None = None
    delta: Text = ""
    text: Text = ""


def _body(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], room: int
) -> Body:
    system = [each["content"] for each in messages if each["role"] == "system"]
    turns = [_items(each) for each in messages if each["role"] != "system"]
    body = GREEDY | {"model": "any", "max_output_tokens": room, "input": list(chain(*turns))}
    if system:
        body["instructions"] = "".join(system)
    if tools:
        body["tools"] = [{"type": "function", **each["function"]} for each in tools]
        body["tool_choice"] = "required"
    return body


def _items(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    role = message["role"]
    if thoughts := message.get("reasoning_content"):
        content = [{"type": "reasoning_text", "text": thoughts}]
        yield {"type": "reasoning", "summary": [], "content": content}
    if role == "tool":
        called = message["tool_call_id"]
        yield {"type": "function_call_output", "call_id": called, "output": message["content"]}
    elif content := [*_content(message)]:
        yield {"type": "message", "role": role, "content": content}
    for call in message.get("tool_calls", ()):
        arguments = json.dumps(call["function"]["arguments"])
        name = call["function"]["name"]
        yield {"type": "function_call", "call_id": call["id"], "name": name, "arguments": arguments}


def _content(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind = "output_text" if message["role"] == "assistant" else "input_text"
    for part in content_parts(message):
        if part["type"] == "image_url":
            yield {"type": "input_image", "image_url": part["image_url"]["url"]}
        else:
            yield {"type": kind, "text": part["text"]}


def _whole(client: Client, body: Body) -> Told:
    return _told(post(client, PATH, body, _Response))


def _told(response: _Response) -> Told:
    output, usage = response.output or (), response.usage
    statuses = [response.status, *(item.status for item in output)]
    return Told(
        parts=tuple(map(_part, output)),
        ended=", ".join(dict.fromkeys(statuses)),
        prompted=usage.input_tokens if usage else None,
        answered=usage.output_tokens if usage else None,
    )


def _part(item: _AnyItem) -> Part:
    if isinstance(item, _Call):
        return Part("call", parsed(item.arguments), item.name)
    kind = "thoughts" if isinstance(item, _Reasoning) else "text"
    return Part(kind, "".join(content.text for content in item.content))


def _streamed(client: Client, body: Body) -> Streamed:
    events = parts.events(client, PATH, body, _Event)
    steps = list(chain.from_iterable(map(_steps, events)))
    last = next((event.response for event in reversed(events) if event.response), None)
    told = _told(last) if last else _NOTHING
    done = [event.item for event in events if event.item and event.type == _DONE]
    ways = (parts.joined(steps), tuple(map(_part, done)), told.parts)
    wrong = chain(_frame(events), parts.disorder(steps), _twice(events), _texts(events, ways[0]))
    return Streamed(tuple(told._replace(parts=way) for way in ways), tuple(wrong))


def _frame(events: Sequence[_Event]) -> Iterator[str]:
    types = [event.type for event in events]
    return parts.frame(types, first="response.created", last=("response.completed",))


def _twice(events: Sequence[_Event]) -> Iterator[str]:
    """What an item is told of twice, but for the pieces that it is added."""
    told = Counter((event.type, event.item_id) for event in events if event.item_id)
    for (kind, item), count in told.items():
        if kind not in _DELTAS and count > 1:
            yield f"times {kind!r} of {item!r}: expected 1, found {count}"


def _texts(events: Sequence[_Event], said: Sequence[Part]) -> Iterator[str]:
    """The events that tell the text once more when it is over."""
    texts = [part.said for part in said if part.kind == "text"]
    done = [event.text for event in events if event.type == "response.output_text.done"]
    closed = [
        event.part.text
        for event in events
        if event.part and event.type == "response.content_part.done"
    ]
    yield from difference("response.output_text.done", texts, done)
    yield from difference("response.content_part.done", texts, closed)


def _steps(event: _Event) -> Iterator[Step]:
    if event.type in _DELTAS:
        yield Step(event.item_id, "goes on", _DELTAS[event.type], event.delta)
    elif event.item and event.type in (_ADDED, _DONE):
        kind, _, name = _part(event.item)
        if event.type == _ADDED:
            yield Step(event.item.id, "begins", kind, name=name)
        else:
            yield Step(event.item.id, "ends", kind)


RESPONSES: Final = Dialect(
    finished="completed", called="completed", body=_body, whole=_whole, streamed=_streamed
)
