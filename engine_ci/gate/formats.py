"""What a `llama-server` reads in answers, in each format in which models think and call tools.

The model says again what it is given, and that is what the format's template writes of a turn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine_ci.engine.client import GREEDY
from engine_ci.errors import EngineAnswerError
from engine_ci.gate import asking, conversing, echo, templates
from engine_ci.gate.api import chat_shapes, questions
from engine_ci.gate.api.questions import CHAT, difference, parsed, post
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.templates import RefusedError
from engine_ci.gate.vocabulary import END_OF_TURN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.chat_shapes import Function
    from engine_ci.gate.echo import Echo

NAME: Final = "write"


def tool(**kinds: str) -> Mapping[str, Any]:
    """A tool that needs all these arguments, each of a kind as JSON Schema names it."""
    return {
        "type": "function",
        "function": {
            "name": NAME,
            "description": "Writes a text.",
            "parameters": {
                "type": "object",
                "properties": {name: {"type": kind} for name, kind in kinds.items()},
                "required": [*kinds],
            },
        },
    }


_TOOLS: Final = [tool(text="string", times="integer", loud="boolean")]
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
        client: of an engine with our echo.
    """
    for what, turn in _TURNS.items():
        calls = turn.calls[:1] if name in _ONE_CALL else turn.calls
        alone = replace(turn, calls=calls)
        said = written(source, alone, known={"tools": _TOOLS})
        body = question(said, echo.OURS, client, tools=_TOOLS)
        asked = {"messages": body["messages"], "tools": _TOOLS}
        wrong = [*conversing.rendered(f"prompt before {what}", source, asked, client)]
        # With another prompt the model would say something else.
        yield from wrong or read(what, alone, body, client)


def written(source: str, turn: Turn, *, known: Mapping[str, Any], end: str = END_OF_TURN) -> str:
    """What a model says for a turn, with the token that ends it.

    Args:
        source: the template.
        turn: what is said.
        known: what else the template reads, the tools among it.
        end: the token that ends a turn where the template writes none.

    Raises:
        RefusedError: the template does not write the turn, or not behind what begins a turn.
    """
    before = [_user(".")]
    begun = templates.render(source, before, **known)
    done = templates.render(source, [*before, _message(turn)], begins=False, **known)
    if not done.startswith(begun):
        raise RefusedError(f"expected a turn to begin with {begun!r}, found {done!r}")
    said = done.removeprefix(begun).rstrip("\n")
    # Some formats end a turn by beginning the next.
    return said if said.endswith((*_ENDS, end)) else said + end


def question(
    said: str, model: Echo, client: Client, *, tools: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The chat, with these tools on offer, to which an echo answers so.

    Raises:
        EngineAnswerError: the prompt does not hold what the user says.
        NotAskedError: it takes more tokens than the echo looks back.
    """
    # Templates take white space from the ends of what the user says, hence the dots.
    prompt = conversing.prompt(client, messages=[_user(f".{said}.")], tools=tools)
    _, found, behind = prompt.rpartition(said)
    if not found:
        raise EngineAnswerError(f"expected what the user says in the prompt, found {prompt!r}")
    count, after = (len(client.tokenize(text)) for text in (said, behind))
    left = model.distance - count - after
    if left < 0:
        raise NotAskedError(f"it takes {-left} tokens more than the model looks back")
    return GREEDY | {
        "messages": [_user(f".{said}." + "." * left)],
        "tools": tools,
        "parallel_tool_calls": True,
        "max_tokens": count + asking.BEYOND,
    }


def read(what: str, turn: Turn, body: Mapping[str, Any], client: Client) -> Iterator[str]:
    """In what the answer is read otherwise than as the turn, whole and in chunks, in words."""
    expected = _expected(turn)
    for how, found in (("", _whole(client, body)), (" (stream)", _streamed(client, body))):
        for part, wanted, given in zip(Understood._fields, expected, found, strict=True):
            yield from difference(f"{part} of {what}{how}", wanted, given)


def _expected(turn: Turn) -> Understood:
    return Understood(
        thoughts=turn.thoughts,
        text=turn.text,
        calls=[(NAME, _spelled(arguments)) for arguments in turn.calls],
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
            "function": {"name": NAME, "arguments": arguments},
        }
        for number, arguments in enumerate(turn.calls)
    ]
    # Some templates look whether there are thoughts or calls, and not how many.
    more = {"reasoning_content": turn.thoughts, "tool_calls": calls}
    said = {key: value for key, value in more.items() if value}
    return {"role": "assistant", "content": turn.text, **said}
