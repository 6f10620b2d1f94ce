"""What a `llama-server` does with a model that thinks before it answers, marked by `<think>`.

A grammar leaves the model nothing else to say, so that thoughts and answer are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine_ci.engine.client import GREEDY
from engine_ci.gate import conversing, templates
from engine_ci.gate.api import chat_shapes, parts, questions
from engine_ci.gate.api.parts import Part, Told
from engine_ci.gate.api.questions import CHAT, difference, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.parts import Dialect

_THOUGHTS: Final = "The user asks for a city: 3 < 4 & all."
_ANSWER: Final = "It is Paris."
_WHOLE: Final = f"<think>{_THOUGHTS}</think>{_ANSWER}"
_ROOM: Final = 200  # tokens
_QUESTION: Final = {"role": "user", "content": "What is the capital of France?"}
_THOUGHT: Final = {"role": "assistant", "content": _ANSWER, "reasoning_content": _THOUGHTS}
_TURNS: Final = (_QUESTION, _THOUGHT, {"role": "user", "content": "And of Spain?"})
_GRAMMAR: Final = f'root ::= "{_WHOLE}"'
_SAYS: Final[dict[str, Any]] = GREEDY | {
    "messages": [_QUESTION],
    "max_tokens": _ROOM,
    "grammar": _GRAMMAR,
}
# For APIs that take no grammar: an engine started so lets no request say anything else.
FLAGS: Final = ("--grammar", _GRAMMAR)


def template(source: str, client: Client) -> Iterator[str]:
    """In what prompts differ from the template as Jinja2 renders it, in words."""
    for what, messages, more in (
        ("with earlier thoughts", _TURNS, {}),
        ("that wants no thoughts", (_QUESTION,), {"enable_thinking": False}),
    ):
        found = conversing.prompt(client, messages=messages, chat_template_kwargs=more)
        yield from difference(f"prompt {what}", templates.render(source, messages, **more), found)


def apart(client: Client) -> Iterator[str]:
    """In what an answer differs, whole and in chunks, with thoughts apart and in it."""
    yield from _said(client, {}, content=_ANSWER, thoughts=_THOUGHTS)
    yield from _said(client, {"reasoning_format": "none"}, content=_WHOLE, thoughts=None)
    chunks = questions.stream(client, _SAYS)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    yield from difference("reasoning_content (stream)", _THOUGHTS, questions.thoughts(chunks))
    yield from difference("content (stream)", _ANSWER, questions.text(chunks))
    answering = [
        bool(delta.content) for delta in deltas if delta.content or delta.reasoning_content
    ]
    if answering != sorted(answering):
        yield "stream: expected all thoughts before the answer, found some after it"


def _said(
    client: Client, more: dict[str, Any], *, content: str, thoughts: str | None
) -> Iterator[str]:
    what = "".join(f" ({name} {value})" for name, value in more.items())
    (choice,) = post(client, CHAT, _SAYS | more, chat_shapes.Reasoning).choices
    yield from difference(f"content{what}", content, choice.message.content)
    yield from difference(f"reasoning_content{what}", thoughts, choice.message.reasoning_content)
    yield from difference(f"finish_reason{what}", "stop", choice.finish_reason)


def told_by(source: str, dialect: Dialect, client: Client) -> Iterator[str]:
    """In what thoughts and answer, and the prompt's length, differ by another API, in words."""
    messages = (templates.SYSTEM, *_TURNS)
    expected = Told(
        parts=(Part("thoughts", _THOUGHTS), Part("text", _ANSWER)),
        ended=dialect.finished,
        prompted=len(client.tokenize(templates.render(source, messages))),
        answered=None,
    )
    yield from parts.differences(client, dialect, dialect.body(messages, (), _ROOM), expected)
