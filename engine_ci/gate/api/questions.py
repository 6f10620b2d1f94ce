"""What is known before an engine is asked, and how it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from engine_ci.engine import reading
from engine_ci.engine.client import GREEDY
from engine_ci.errors import EngineAnswerError
from engine_ci.gate.api.chat_shapes import Chunk, Function
from engine_ci.gate.asking import BEYOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Golden
    from engine_ci.system.http import Answer

COMPLETION: Final = "/completion"
CHAT: Final = "/v1/chat/completions"
# So many letters by chance are the same once in 10 ** 22.
_CHANCES: Final = 16
DONE: Final = b"data: [DONE]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """One chat of the golden, and how the app starts the engine.

    Attributes:
        prompt, answer: text; `answer` is what the assistant says.
        prompted: tokens of the prompt.
        tokens: of the answer, the end of the turn among them.
        slots: None where the app leaves their number to the engine.
    """

    messages: tuple[Mapping[str, str], ...]
    prompt: str
    prompted: int
    answer: str
    tokens: tuple[int, ...]
    slots: int | None


def knowledge(golden: Golden, argv: Sequence[str]) -> Known:
    """What can be known before the engine is asked."""
    chat = golden.chats[0]
    case = golden.case(chat.id)
    return Known(
        messages=tuple(message.model_dump() for message in chat.messages),
        prompt=chat.prompt,
        prompted=len(case.prompt),
        answer=chat.answer,
        tokens=case.tokens,
        slots=slots(argv),
    )


def slots(argv: Sequence[str]) -> int | None:
    """How many slots an app asks for; the last time counts, as for llama.cpp."""
    asked = [value for flag, value in pairwise(argv) if flag in ("--parallel", "-np")]
    return int(asked[-1]) if asked and asked[-1].isdecimal() and int(asked[-1]) else None


def completion(known: Known) -> dict[str, Any]:
    """The body that asks `/completion` for the golden answer."""
    count = len(known.tokens) + BEYOND
    return GREEDY | {"prompt": known.prompt, "n_predict": count, "return_tokens": True}


def by_chance(known: Known, *, seed: int) -> dict[str, Any]:
    """The body that asks `/completion` for letters, all of them as likely as the others."""
    chance = {
        "samplers": ["temperature"],
        "temperature": 100.0,
        "seed": seed,
        # Whatever the model would say: bytes that are no text are answered with an error.
        "grammar": "root ::= [a-z]+",
        "ignore_eos": True,
    }
    return completion(known) | chance | {"n_predict": _CHANCES}


def chat(known: Known, *, count: int | None = None) -> dict[str, Any]:
    """The body that asks for the golden answer in a chat, or its first `count` tokens."""
    tokens = len(known.tokens) + BEYOND if count is None else count
    return GREEDY | {"messages": list(known.messages), "max_tokens": tokens}


def get(client: Client, path: str, shape: type[reading.ShapeT]) -> reading.ShapeT:
    """What a path answers; EngineAnswerError when it has another shape, as for the next two."""
    return reading.read(client.call("GET", path), shape, endpoint=f"GET {path}")


def post(
    client: Client, path: str, body: Mapping[str, Any], shape: type[reading.ShapeT]
) -> reading.ShapeT:
    """What a path answers to a body."""
    return reading.read(client.call("POST", path, body=body), shape, endpoint=f"POST {path}")


def stream(client: Client, body: Mapping[str, Any]) -> list[Chunk]:
    """All chunks of a chat that is asked for as a stream."""
    lines = client.lines(CHAT, body={**body, "stream": True})
    return chunks(lines, endpoint=f"POST {CHAT} (stream)")


def chunks(lines: Iterable[bytes], *, endpoint: str) -> list[Chunk]:
    """The chunks of a chat stream.

    Raises:
        EngineAnswerError: one has another shape, or `[DONE]` is not the last line, and only there.
    """
    *events, last = [*lines] or [b""]
    if last != DONE:
        raise EngineAnswerError(f"{endpoint}: expected `[DONE]` as the end, found {last[:200]!r}")
    return [
        reading.fit(reading.event(line, endpoint=endpoint), Chunk, endpoint=endpoint)
        for line in events
    ]


def refusal(answer: Answer, shape: type[reading.ShapeT], *, endpoint: str) -> reading.ShapeT:
    """The error object of an answer, whatever its status.

    Raises:
        EngineAnswerError: there is none, or it has another shape.
    """
    try:
        value = answer.json()
    except EngineAnswerError as error:
        raise EngineAnswerError(f"{endpoint}: {error}") from error
    found = value.get("error") if isinstance(value, dict) else None
    return reading.fit(found, shape, endpoint=f"{endpoint}: `error`")


def text(said: Sequence[Chunk]) -> str:
    """What the chunks say together."""
    return "".join(choice.delta.content or "" for chunk in said for choice in chunk.choices)


def thoughts(said: Sequence[Chunk]) -> str:
    """What the chunks think together."""
    return "".join(
        choice.delta.reasoning_content or "" for chunk in said for choice in chunk.choices
    )


def functions(said: Sequence[Chunk]) -> list[Function]:
    """The functions that the chunks call together, in the order of their numbers."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for chunk in said:
        for choice in chunk.choices:
            for piece in choice.delta.tool_calls or ():
                names[piece.index] = names.get(piece.index, "") + (piece.function.name or "")
                arguments[piece.index] = arguments.get(piece.index, "") + (
                    piece.function.arguments or ""
                )
    return [Function(name=names[index], arguments=arguments[index]) for index in sorted(names)]


def finish(said: Sequence[Chunk]) -> str | None:
    """Why the chunks end, by the last that says something of it; None where there is none."""
    reasons = [choice.finish_reason for chunk in said for choice in chunk.choices]
    return reasons[-1] if reasons else None


def parsed(text: str) -> object:
    """The value of JSON, or the text where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def difference(what: str, expected: object, found: object) -> Iterator[str]:
    """In words, what was expected and what was found, where the two differ."""
    if expected != found:
        yield f"{what}: expected {expected!r}, found {found!r}"
