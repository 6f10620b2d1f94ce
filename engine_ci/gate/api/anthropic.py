"""Anthropic's `/v1/messages`: a conversation in blocks, and the blocks of an answer."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from engine_ci.engine.answers import Count, Filled, Shape, Text
from engine_ci.engine.client import GREEDY
from engine_ci.gate.api import parts
from engine_ci.gate.api.parts import Dialect, Part, Step, Streamed, Told, content_parts
from engine_ci.gate.api.questions import difference, post

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.parts import Body

PATH: Final = "/v1/messages"
_DELTAS: Final = {"thinking_delta": "thoughts", "text_delta": "text", "input_json_delta": "call"}


class _Thinking(Shape):
    type: Literal["thinking"]
    thinking: Text


class _Text(Shape):
    type: Literal["text"]
    text: Text


class _ToolUse(Shape):
    """In a stream the input comes in pieces."""

    type: Literal["tool_use"]
    id: Filled
    name: Text
    input: dict[str, Any] | None = None


_Block = Annotated[_Thinking | _Text | _ToolUse, Field(discriminator="type")]


class _Spent(Shape):
    input_tokens: Count = 0
    cache_read_input_tokens: Count = 0
    output_tokens: Count

    @property
    def prompted(self) -> int:
        return self.input_tokens + self.cache_read_input_tokens


class _Message(Shape):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[_Block]
    stop_reason: Text | None
    usage: _Spent


class _Delta(Shape):
    """What comes to a block, or to the message at its end."""

    type: Text = ""
    thinking: Text = ""
    text: Text = ""
    partial_json: Text = ""
    stop_reason: Text | None = None


class _Event(Shape):
    type: Text
    index: Count = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta = _Delta()
    usage: _Spent | None = None


def _body(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], room: int
) -> Body:
    system = [*chain(*(_content(each) for each in messages if each["role"] == "system"))]
    turns = [_turn(each) for each in messages if each["role"] != "system"]
    body = GREEDY | {"model": "any", "max_tokens": room, "messages": turns}
    if system:
        body["system"] = system
    if tools:
        body["tools"] = [_tool(**each["function"]) for each in tools]
        body["tool_choice"] = {"type": "any"}
    return body


def _turn(message: Mapping[str, Any]) -> dict[str, Any]:
    content = [*_content(message)]
    if message["role"] == "tool":
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}
        return {"role": "user", "content": [result]}
    thoughts = message.get("reasoning_content")
    thinking = [{"type": "thinking", "thinking": thoughts, "signature": ""}] if thoughts else []
    return {"role": message["role"], "content": [*thinking, *content, *_calls(message)]}


def _calls(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for call in message.get("tool_calls", ()):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        yield {"type": "tool_use", "id": call["id"], "name": name, "input": arguments}


def _content(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in content_parts(message):
        if part["type"] == "image_url":
            kind, _, data = part["image_url"]["url"].partition(";base64,")
            media_type = kind.removeprefix("data:")
            source = {"type": "base64", "media_type": media_type, "data": data}
            yield {"type": "image", "source": source}
        else:
            yield part


def _tool(*, name: str, description: str, parameters: object) -> dict[str, object]:
    return {"name": name, "description": description, "input_schema": parameters}


def _whole(client: Client, body: Body) -> Told:
    message = post(client, PATH, body, _Message)
    return Told(
        parts=tuple(map(_part, message.content)),
        ended=message.stop_reason or "",
        prompted=message.usage.prompted,
        answered=message.usage.output_tokens,
    )


def _part(block: _Block) -> Part:
    if isinstance(block, _Thinking):
        return Part("thoughts", block.thinking)
    if isinstance(block, _Text):
        return Part("text", block.text)
    return Part("call", block.input, block.name)


def _streamed(client: Client, body: Body) -> Streamed:
    events = parts.events(client, PATH, body, _Event)
    steps = list(chain.from_iterable(map(_steps, events)))
    begun = [event.message.usage.prompted for event in events if event.message]
    reasons = [event.delta.stop_reason for event in events if event.delta.stop_reason]
    spent = [event.usage.output_tokens for event in events if event.usage]
    told = Told(
        parts=parts.joined(steps),
        ended=", ".join(reasons),
        prompted=sum(begun),
        answered=sum(spent),
    )
    types = [event.type for event in events]
    return Streamed((told,), tuple(chain(_frame(types), parts.disorder(steps), _numbers(steps))))


def _frame(types: Sequence[str]) -> Iterator[str]:
    return parts.frame(types, first="message_start", last=("message_delta", "message_stop"))


def _numbers(steps: Iterable[Step]) -> Iterator[str]:
    found = list(dict.fromkeys(step.part for step in steps))
    yield from difference("numbers of blocks", list(range(len(found))), found)


def _steps(event: _Event) -> Iterator[Step]:
    delta = event.delta
    if event.type == "content_block_start" and (block := event.content_block):
        kind, said, name = _part(block)
        text = said if isinstance(said, str) else ""
        yield Step(event.index, "begins", kind, text, name)
    elif event.type == "content_block_delta" and delta.type in _DELTAS:
        text = delta.thinking + delta.text + delta.partial_json
        yield Step(event.index, "goes on", _DELTAS[delta.type], text)
    elif event.type == "content_block_stop":
        yield Step(event.index, "ends")


MESSAGES: Final = Dialect(
    finished="end_turn", called="tool_use", body=_body, whole=_whole, streamed=_streamed
)
