"""What a `llama-server` answers when the form of the answer is given: JSON, or a call of a tool.

The form leaves one answer, so that it is known whatever the model would rather say; where there is
a choice, the model knows the answer by heart. Each question yields in words what differs; another
shape is an EngineAnswerError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine_ci.engine.client import GREEDY
from engine_ci.gate import templates
from engine_ci.gate.api import chat_shapes, parts, questions
from engine_ci.gate.api.parts import Part, Told
from engine_ci.gate.api.questions import CHAT, difference, parsed, post
from engine_ci.gate.vocabulary import byte_spelling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.parts import Dialect

_ROOM: Final = 400  # tokens; white space is free, and models that know no JSON use much
_MESSAGES: Final = ({"role": "user", "content": "What is the capital of France?"},)
_ANSWER: Final = "The capital of France is Paris."
# By the template of our model with tools, which tells it of them from the second message on.
_CALL_BEGINS: Final = "~"
_DOCUMENT: Final = {"city": "Paris", "bridges": [37], "river": {"name": "Seine", "wide": True}}
_LONG_TEXT: Final = {
    "type": "function",
    "function": {
        "name": "write",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "maxLength": 2000}},
            "required": ["text"],
        },
    },
}
_CUT: Final = 4
_OK: Final = 200
_SHOWN: Final = 200
_FORCED: Final = 100  # bias of a logit, more than any model has
# For APIs that take no bias: in an engine started so, calls begin where they can.
FLAGS: Final = ("--logit-bias", f"{byte_spelling().index(_CALL_BEGINS)}+{_FORCED}")


def _only(value: object) -> dict[str, Any]:
    """The JSON Schema that nothing but a value fits."""
    if isinstance(value, dict):
        properties = {name: _only(item) for name, item in value.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    if isinstance(value, list):
        (item,) = value
        return {"type": "array", "items": _only(item), "minItems": 1, "maxItems": 1}
    return {"const": value}


def json_schema(client: Client) -> Iterator[str]:
    """An answer in JSON, whole and in chunks."""
    body = _body() | of_schema(_only(_DOCUMENT))
    (choice,) = post(client, CHAT, body, chat_shapes.Choices).choices
    yield from difference("value", _DOCUMENT, parsed(choice.message.content))
    yield from difference("finish_reason", "stop", choice.finish_reason)
    said = questions.stream(client, body)
    yield from difference("value (stream)", _DOCUMENT, parsed(questions.text(said)))
    yield from difference("finish_reason (stream)", "stop", questions.finish(said))


def of_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What of a body asks for an answer that fits a JSON Schema."""
    named = {"name": "answer", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def tool_call(client: Client) -> Iterator[str]:
    """A call of a tool that must be called, whole and in chunks."""
    body = _body() | _offered("required") | _begun(client)
    (choice,) = post(client, CHAT, body, chat_shapes.Calling).choices
    functions = [call.function for call in choice.message.tool_calls]
    yield from _called("", functions, choice.finish_reason)
    yield from _called(" (stream)", *_streamed(client, body))


def told_by(source: str, dialect: Dialect, client: Client) -> Iterator[str]:
    """The same by another API, after an earlier call of the tool; and the prompt's length."""
    tools, messages = [templates.TOOL], (templates.SYSTEM, *templates.TOOL_TURNS)
    expected = Told(
        parts=(Part("call", templates.ARGUMENTS, templates.TOOL["function"]["name"]),),
        ended=dialect.called,
        prompted=len(client.tokenize(templates.render(source, messages, tools=tools))),
        answered=None,
    )
    yield from parts.differences(client, dialect, dialect.body(messages, tools, _ROOM), expected)


def tool_choice(client: Client) -> Iterator[str]:
    """A tool that may be called, in chunks: the answer without it, and a call once it begins."""
    body = _body() | _offered("auto")
    said = questions.stream(client, body)
    yield from difference("content without a call", _ANSWER, questions.text(said))
    yield from difference("finish_reason without a call", "stop", questions.finish(said))
    yield from _called(" that began", *_streamed(client, body | _begun(client)))


def long_text(client: Client) -> Iterator[str]:
    """The beginning of an answer where a tool with a long text must be called: that there is one.

    Builds differ in what they make of a call that is cut off.
    """
    body = _body() | {"tools": [_LONG_TEXT], "tool_choice": "required", "max_tokens": _CUT}
    answer = client.call("POST", CHAT, body=body)
    if answer.status != _OK:
        yield f"expected status {_OK}, found {answer.status}: {answer.body[:_SHOWN]!r}"


def _offered(choice: str) -> dict[str, Any]:
    return {"tools": [templates.TOOL], "tool_choice": choice}


def _begun(client: Client) -> dict[str, Any]:
    """A grammar allows any text before a call; what a call begins with is forced."""
    (token,) = client.tokenize(_CALL_BEGINS)
    return {"logit_bias": {str(token): _FORCED}}


def _called(
    what: str, functions: Sequence[chat_shapes.Function], finish: str | None
) -> Iterator[str]:
    calls = [(function.name, parsed(function.arguments)) for function in functions]
    expected = [(templates.TOOL["function"]["name"], templates.ARGUMENTS)]
    yield from difference(f"calls{what}", expected, calls)
    yield from difference(f"finish_reason{what}", "tool_calls", finish)


def _body() -> dict[str, Any]:
    return GREEDY | {"messages": list(_MESSAGES), "max_tokens": _ROOM}


def _streamed(
    client: Client, body: Mapping[str, Any]
) -> tuple[list[chat_shapes.Function], str | None]:
    """The functions that are called in chunks, and why these end."""
    said = questions.stream(client, body)
    return questions.functions(said), questions.finish(said)
