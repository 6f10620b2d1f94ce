"""Shows pictures to a `llama-server`, and yields in words what was not as expected."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from engine_ci.engine.client import GREEDY, step
from engine_ci.gate import pictures
from engine_ci.gate.api import chat_shapes, parts, questions, shapes
from engine_ci.gate.api.parts import Part, Told
from engine_ci.gate.api.questions import CHAT, difference, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client, Step
    from engine_ci.gate.api.parts import Dialect
    from engine_ci.gate.pictures import Glance, PictureGolden

    Turn = dict[str, Any]

_BAD_REQUEST: Final = 400
_UNSUPPORTED: Final = (400, 500, 501)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What was said to a message, and in words what else was not as it should be."""

    steps: tuple[Step, ...]
    amiss: tuple[str, ...]


def say(golden: PictureGolden, glance: Glance, client: Client, *, cache: bool = False) -> Said:
    """The answer to a message with pictures in it, and how likely it was."""
    limit, top = len(glance.steps), len(glance.steps[0].top)
    asked = {"max_tokens": limit, "logprobs": True, "top_logprobs": top}
    body = _body(_turn(golden, glance), cache_prompt=cache) | asked
    found = post(client, CHAT, body, chat_shapes.ExplainedUsage)
    expected = (glance.prompted(each=golden.each), limit)
    counted = (found.usage.prompt_tokens, found.usage.completion_tokens)
    return Said(
        steps=tuple(map(step, found.choices[0].logprobs.content)),
        amiss=tuple(difference(f"tokens of {glance.id} and its answer", expected, counted)),
    )


def by_api(dialect: Dialect, golden: PictureGolden, client: Client) -> Iterator[str]:
    """In what another API answers the first message otherwise, in words."""
    glance = golden.glances[0]
    text = client.detokenize([one.token for one in glance.steps])
    expected = Told(
        parts=(Part("text", text),),
        ended=None,
        prompted=glance.prompted(each=golden.each),
        answered=len(glance.steps),
    )
    body = dialect.body([_turn(golden, glance)], (), len(glance.steps)) | {"ignore_eos": True}
    yield from parts.differences(client, dialect, body, expected)


def unreadable(golden: PictureGolden, client: Client) -> Iterator[str]:
    """What is no picture is refused, and a picture is still seen after that."""
    glance = golden.glances[0]
    whole = pictures.png(pictures.pixels(glance.pictures[0], side=golden.side))
    for what, data in (("text", b"no picture"), ("half a picture", whole[: len(whole) // 2])):
        content = [_picture(data), {"type": "text", "text": glance.texts[-1]}]
        body = _body({"role": "user", "content": content}) | {"max_tokens": 1}
        answer = client.call("POST", CHAT, body=body)
        yield from difference(f"status of {what}", _BAD_REQUEST, answer.status)
        questions.refusal(answer, shapes.Refusal, endpoint=f"POST {CHAT} with {what}")
    wanted = [one.token for one in glance.steps]
    found = [one.token for one in say(golden, glance, client).steps]
    for number, (token, given) in enumerate(zip_longest(wanted, found)):
        yield from difference(f"token {number} after that", token, given)


def unsupported(golden: PictureGolden, client: Client) -> Iterator[str]:
    """A model that cannot see says so."""
    body = _body(_turn(golden, golden.glances[0])) | {"max_tokens": 1}
    answer = client.call("POST", CHAT, body=body)
    if answer.status not in _UNSUPPORTED:
        statuses = " or ".join(map(str, _UNSUPPORTED))
        yield f"status: expected {statuses}, found {answer.status}"
    else:
        questions.refusal(answer, shapes.Refusal, endpoint=f"POST {CHAT} with a picture")


def _body(turn: Turn, *, cache_prompt: bool = False) -> dict[str, Any]:
    more = {"messages": [turn], "ignore_eos": True, "cache_prompt": cache_prompt}
    return GREEDY | more


def _turn(golden: PictureGolden, glance: Glance) -> Turn:
    """The user's message, as `/v1/chat/completions` takes it."""
    shown = [
        _picture(pictures.png(pictures.pixels(name, side=golden.side))) for name in glance.pictures
    ]
    written = [{"type": "text", "text": text} if text else None for text in glance.texts]
    together = zip_longest(written, shown)
    return {"role": "user", "content": [part for pair in together for part in pair if part]}


def _picture(data: bytes) -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}
