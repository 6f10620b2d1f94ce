"""An answer of several parts, as the newer APIs tell it: thoughts, text, calls of tools.

In a stream a part begins once, goes on in pieces, and ends once; the pieces of one come before
those of the next. When it ends is left to the build: llama.cpp ends thoughts after the text.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from engine_ci.engine import reading
from engine_ci.errors import EngineAnswerError
from engine_ci.gate.api.questions import DONE, difference, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from engine_ci.engine.client import Client

    Body = dict[str, Any]

_NAME = b"event: "
_DATA = b"data: "


class Part(NamedTuple):
    """One part.

    Attributes:
        kind: `thoughts`, `text` or `call`.
        said: a text; of a call the value of the arguments.
        name: of the tool that is called.
    """

    kind: str
    said: object
    name: str = ""


class Told(NamedTuple):
    """A whole answer.

    Attributes:
        ended: why, in the words of the API.
        prompted, answered: tokens.

    Of what is expected, None is for what nobody knows.
    """

    parts: tuple[Part, ...]
    ended: str | None
    prompted: int | None
    answered: int | None


class Step(NamedTuple):
    """What an event of a stream does to the part of that number or ID."""

    part: int | str
    does: Literal["begins", "goes on", "ends"]
    kind: str = ""
    text: str = ""
    name: str = ""


class Streamed(NamedTuple):
    """A stream: its answers, each as one kind of event tells it, and what is wrong with its order.

    The answer that pieces make has to be the one that the last events tell.
    """

    told: tuple[Told, ...]
    wrong: tuple[str, ...]


class Dialect(NamedTuple):
    """One of the APIs.

    Attributes:
        finished, called: the word for an answer that is over, and for one that calls a tool.
        body: of a conversation as `/v1/chat/completions` takes it, with tools on offer, for an
            answer of so many tokens at most.
    """

    finished: str
    called: str
    body: Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]], int], Body]
    whole: Callable[[Client, Body], Told]
    streamed: Callable[[Client, Body], Streamed]


def content_parts(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The texts and pictures of a message, as `/v1/chat/completions` takes several of them."""
    content = message["content"]
    if not isinstance(content, str):
        yield from content
    elif content:
        yield {"type": "text", "text": content}


def differences(client: Client, dialect: Dialect, body: Body, expected: Told) -> Iterator[str]:
    """In what an answer differs, whole and as a stream, in words."""
    yield from _differs(expected, dialect.whole(client, body), what="")
    stream = dialect.streamed(client, body | {"stream": True})
    for told in stream.told:
        yield from _differs(expected, told, what=" (stream)")
    yield from (f"stream: {wrong}" for wrong in stream.wrong)


def _differs(expected: Told, found: Told, *, what: str) -> Iterator[str]:
    for name, wanted, given in zip(Told._fields, expected, found, strict=True):
        if wanted is not None:
            yield from difference(f"{name}{what}", wanted, given)


def joined(steps: Iterable[Step]) -> tuple[Part, ...]:
    """The parts that the events of a stream make."""
    parts: dict[int | str, list[Step]] = {}
    for step in steps:
        parts.setdefault(step.part, []).append(step)
    return tuple(map(_joined, parts.values()))


def _joined(steps: Sequence[Step]) -> Part:
    # More than one kind is none.
    kind = " and ".join(dict.fromkeys(step.kind for step in steps if step.kind))
    text = "".join(step.text for step in steps)
    name = "".join(step.name for step in steps)
    return Part(kind, parsed(text) if kind == "call" else text, name)


def disorder(steps: Sequence[Step]) -> Iterator[str]:
    """What is wrong with the order of a stream, in words."""
    for number, part in enumerate(dict.fromkeys(step.part for step in steps)):
        does = [step.does for step in steps if step.part == part]
        for what in ("begins", "ends"):
            yield from difference(f"times part {number} {what}", 1, does.count(what))
        yield from difference(f"ends of part {number}", ("begins", "ends"), (does[0], does[-1]))
    spoken = Counter(part for part, _ in groupby(step.part for step in steps if step.text))
    yield from difference(
        "parts in pieces", [], [part for part, runs in spoken.items() if runs > 1]
    )


def frame(types: Sequence[str], *, first: str, last: Sequence[str]) -> Iterator[str]:
    """What is wrong with the events that a stream has once, at its beginning and its end."""
    ends = [first, *last]
    yield from difference("ends", ends, [*types[:1], *types[-len(last) :]])
    yield from difference("events had once", ends, [each for each in types if each in ends])


def events(
    client: Client, path: str, body: Body, shape: type[reading.ShapeT]
) -> list[reading.ShapeT]:
    """The events of a stream; EngineAnswerError where one has another shape, or another name."""
    endpoint = f"POST {path} (stream)"
    name, found = None, []
    for line in client.lines(path, body=body):
        if line.startswith(_NAME):
            name = line.removeprefix(_NAME).decode(errors="replace")
        elif line.startswith(_DATA) and line != DONE:
            value = reading.event(line, endpoint=endpoint)
            found.append(reading.fit(value, shape, endpoint=endpoint))
            kind = value.get("type") if isinstance(value, dict) else None
            if kind != name:
                raise EngineAnswerError(f"{endpoint}: expected the name {kind!r}, found {name!r}")
            name = None
    return found
