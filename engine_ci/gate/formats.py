"""What a `llama-server` reads in answers, in each format in which models think and call tools.

The model says again what it is given, and that is what the format's template writes of a turn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine_ci.engine.client import GREEDY
from engine_ci.gate import asking, conversing, echo, templates
from engine_ci.gate.api import chat_shapes, questions
from engine_ci.gate.api.questions import CHAT, difference, parsed, post
from engine_ci.gate.vocabulary import END_OF_TURN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.chat_shapes import Function

_TOOL: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": "write",
        "description": "Writes a text.",
        "parameters": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "times": {"type": "integer"},
                "loud": {"type": "boolean"},
            },
            "required": ["text", "times", "loud"],
        },
    },
}
# Everything that a format has to escape, and some that look as if it had to.
_AWKWARD: Final = {"text": 'It\'s "3 < 4",\n\\ & é日 {x}', "times": 2, "loud": True}
_SHORT: Final = {"text": "", "times": -1, "loud": False}
# In these a turn has one call; of MiniMax's, no build known reads a second one.
_ONE_CALL: Final = frozenset({"gpt-oss", "llama", "minimax"})
# Tokens that end a turn, each known to engines by its name.
_ENDS: Final = (END_OF_TURN, "<|call|>", "<|return|>", "<turn|>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What the assistant thinks and says, and the arguments of each call."""

    thoughts: str = ""
    text: str = ""
    calls: tuple[Mapping[str, Any], ...] = ()


_TURNS: Final[Mapping[str, Turn]] = {
    "text": Turn(text="It is <b>, and [x].\n\nYes."),
    "calls": Turn(calls=(_AWKWARD, _SHORT)),
    "all": Turn(thoughts="Hm: 3 < 4.\nWell, it's so.", text="I will.", calls=(_SHORT,)),
}


class Understood(NamedTuple):
    """A turn as it was read; white space at the ends of thoughts and text is nobody's."""

    thoughts: str
    text: str
    calls: list[tuple[str, str]]
    finish: str | None


def differences(name: str, source: str, client: Client) -> Iterator[str]:
    """In what turns are read otherwise than they are written, whole and in chunks, in words.

    Args:
        name: of the format.
        source: its template, with which the engine was started.
        client: of an engine with the model that says again what it is given.
    """
    for what, turn in _TURNS.items():
        calls = turn.calls[:1] if name in _ONE_CALL else turn.calls
        yield from _read(what, source, replace(turn, calls=calls), client)


def written(source: str, turn: Turn) -> str:
    """What a model says for a turn, with the token that ends it."""
    before = [_user("")]
    begun = templates.render(source, before, tools=[_TOOL])
    done = templates.render(source, [*before, _message(turn)], begins=False, tools=[_TOOL])
    said = done.removeprefix(begun).rstrip("\n")
    # Some formats end a turn by beginning the next.
    return said if said.endswith(_ENDS) else said + END_OF_TURN


def _read(what: str, source: str, turn: Turn, client: Client) -> Iterator[str]:
    said = written(source, turn)
    count = len(client.tokenize(said))
    asked = _user(said + "." * (echo.DISTANCE - count - _behind(said, source, client)))
    expected_prompt = templates.render(source, [asked], tools=[_TOOL])
    found_prompt = conversing.prompt(client, messages=[asked], tools=[_TOOL])
    if found_prompt != expected_prompt:
        # The model would say something else.
        yield from difference(f"prompt before {what}", expected_prompt, found_prompt)
        return
    body = GREEDY | {
        "messages": [asked],
        "tools": [_TOOL],
        "parallel_tool_calls": True,
        "max_tokens": count + asking.BEYOND,
    }
    expected = _expected(turn)
    for how, found in (("", _whole(client, body)), (" (stream)", _streamed(client, body))):
        for part, wanted, given in zip(Understood._fields, expected, found, strict=True):
            yield from difference(f"{part} of {what}{how}", wanted, given)


def _behind(said: str, source: str, client: Client) -> int:
    """How many tokens the template puts between what the user says and the assistant's turn."""
    prompt = templates.render(source, [_user(said)], tools=[_TOOL])
    return len(client.tokenize(prompt.rpartition(said)[2]))


def _expected(turn: Turn) -> Understood:
    return Understood(
        thoughts=turn.thoughts,
        text=turn.text,
        calls=[(_TOOL["function"]["name"], _spelled(arguments)) for arguments in turn.calls],
        finish="tool_calls" if turn.calls else "stop",
    )


def _whole(client: Client, body: Mapping[str, Any]) -> Understood:
    (choice,) = post(client, CHAT, body, chat_shapes.Turn).choices
    message = choice.message
    functions = [call.function for call in message.tool_calls]
    return _understood(
        message.reasoning_content, message.content, functions, finish=choice.finish_reason
    )


def _streamed(client: Client, body: Mapping[str, Any]) -> Understood:
    said = questions.stream(client, body)
    return _understood(
        questions.thoughts(said),
        questions.text(said),
        questions.functions(said),
        finish=questions.finish(said),
    )


def _understood(
    thoughts: str | None,
    text: str | None,
    functions: Iterable[Function],
    *,
    finish: str | None,
) -> Understood:
    return Understood(
        thoughts=(thoughts or "").strip(),
        text=(text or "").strip(),
        calls=[(function.name, _spelled(parsed(function.arguments))) for function in functions],
        finish=finish,
    )


def _spelled(arguments: object) -> str:
    """JSON in one spelling, in which unlike Python's 1 and True are not the same."""
    return json.dumps(arguments, ensure_ascii=False, sort_keys=True)


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _message(turn: Turn) -> dict[str, Any]:
    """The turn, as a template is given it."""
    calls = [
        {
            "id": f"call{number:05}",  # nine characters, as Mistral's are
            "type": "function",
            "function": {"name": _TOOL["function"]["name"], "arguments": arguments},
        }
        for number, arguments in enumerate(turn.calls)
    ]
    return {
        "role": "assistant",
        "content": turn.text,
        "reasoning_content": turn.thoughts,
        "tool_calls": calls,
    }
