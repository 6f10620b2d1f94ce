"""What an engine makes of chats with a model in use, of which only the template is known.

What the template writes of a turn is what the model would say. Of the turns here those are asked
of which it writes all; of the prompts those that it does not refuse. What is right is told by
Jinja2, for which templates are made.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from engine_ci.gate import conversing, formats, templates
from engine_ci.gate.formats import NAME, Turn
from engine_ci.gate.templates import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.engine.client import Client
    from engine_ci.gate.echo import Echo

# No boolean: some templates write Python's, which engines do not let a model say.
_TOOLS: Final = [formats.tool(text="string", times="integer")]
_AWKWARD: Final = {"text": 'It\'s "3 < 4",\n\\ & é日 {x}', "times": 2}
_SHORT: Final = {"text": "", "times": -1}
_THOUGHTS: Final = "Hm: 3 < 4.\nWell, it's so."
TURNS: Final[Mapping[str, Turn]] = {
    "text": Turn(text="It is <b>, and [x].\n\nYes."),
    "call": Turn(calls=(_AWKWARD,)),
    "calls": Turn(calls=(_AWKWARD, _SHORT)),
    "thoughts": Turn(thoughts=_THOUGHTS, text="I will."),
    "all": Turn(thoughts=_THOUGHTS, text="I will.", calls=(_SHORT,)),
}
_CONVERSATIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{name: {"messages": messages} for name, messages in templates.AWKWARD.items()},
    "tools": templates.WITH_A_TOOL,
}


def turns(model: Echo) -> Iterator[tuple[str, Turn]]:
    """Those of which the template writes all, by name."""
    for name, turn in TURNS.items():
        with suppress(RefusedError):
            if _whole(turn, written(turn, model)):
                yield name, turn


def _whole(turn: Turn, said: str) -> bool:
    calls = said.count(NAME)
    return turn.thoughts in said and turn.text in said and calls >= len(turn.calls)


def written(turn: Turn, model: Echo) -> str:
    """What the model says for a turn.

    Raises:
        RefusedError: the template does not write it, or not behind what begins a turn.
    """
    known = {"tools": _TOOLS} | _known(model)
    end = model.vocabulary.specials[-1]
    return formats.written(_template(model, known), turn, known=known, end=end)


def read(name: str, turn: Turn, model: Echo, client: Client) -> Iterator[str]:
    """In what a turn is read otherwise than the template writes it, in words."""
    body = formats.question(written(turn, model), model, client, tools=_TOOLS)
    yield from formats.read(name, turn, body, client)


def prompts(model: Echo, client: Client) -> Iterator[str]:
    """In what `/apply-template` differs from the template as Jinja2 renders it, in words."""
    for name, body in _CONVERSATIONS.items():
        with suppress(RefusedError):
            what, source = f"prompt of `{name}`", _template(model, body)
            yield from conversing.rendered(what, source, body, client, known=_known(model))


def _template(model: Echo, asked: Mapping[str, Any]) -> str:
    return ("tools" in asked and model.tool_template) or model.template


def _known(model: Echo) -> dict[str, Any]:
    """What engines tell a template besides the conversation."""
    specials = model.vocabulary.specials
    return {
        "bos_token": specials[0],
        "eos_token": specials[-1],
        "enable_thinking": True,
        "date_string": templates.now("%d %b %Y"),
    }
