"""Formats of which only the template is known, asked of a reader of one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.errors import EngineAnswerError
from engine_ci.gate import echo, own_formats, templates
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.vocabulary import CHATML, END_OF_TEXT, END_OF_TURN
from tests.unit.gate.hermes import HERMES, Hermes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.gate.echo import Echo

ALL = ["text", "call", "calls", "thoughts", "all"]
ONE_CALL = HERMES.replace(
    "{%- for message in messages -%}",
    "{%- for message in messages -%}{% if message.tool_calls | length > 1 %}"
    "{{ raise_exception('one call at a time') }}{% endif %}",
)
THINKS_FIRST = HERMES + "{% if add_generation_prompt %}<think>{% endif %}"
NO_SYSTEM = CHATML.replace(
    "{% for message in messages %}",
    "{% for message in messages %}{% if message.role == 'system' %}"
    "{{ raise_exception('no system') }}{% endif %}",
)


def model(template: str = HERMES) -> Echo:
    return replace(echo.OURS, template=template)


TWO_TEMPLATES = replace(model(CHATML), tool_template=HERMES)


def test_the_template_for_tools_writes_the_turns() -> None:
    assert [name for name, _ in own_formats.turns(TWO_TEMPLATES)] == ALL


@pytest.mark.parametrize(
    ("template", "written"),
    [
        (HERMES, ALL),
        (ONE_CALL, ["text", "call", "thoughts", "all"]),
        (CHATML, ["text"]),
        (THINKS_FIRST, ["thoughts", "all"]),
        ("{{ raise_exception('no chat') }}", []),
    ],
    ids=["everything", "one call", "text", "thoughts first", "nothing"],
)
def test_of_turns_those_are_asked_that_the_template_writes(
    template: str, written: list[str]
) -> None:
    assert [name for name, _ in own_formats.turns(model(template))] == written


@pytest.mark.parametrize("name", ALL)
def test_what_is_read_as_it_is_written_is_no_difference(name: str) -> None:
    turn = own_formats.TURNS[name]

    assert [*own_formats.read(name, turn, model(), Hermes())] == []
    assert [*own_formats.read(name, turn, TWO_TEMPLATES, Hermes())] == []


class Forgetful(Hermes):
    """Reads one call, whatever is said."""

    def read(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        message, finish = super().read(body)
        return message | {"tool_calls": message["tool_calls"][:1]}, finish


@pytest.mark.parametrize("name", ALL)
def test_what_is_lost_is_told_of_its_turn_alone(name: str) -> None:
    found = own_formats.read(name, own_formats.TURNS[name], model(), Forgetful())

    told = [difference.partition(": expected ")[0] for difference in found]
    assert told == (["calls of calls", "calls of calls (stream)"] if name == "calls" else [])


def test_what_needs_more_tokens_than_are_looked_back_is_not_asked() -> None:
    near = replace(model(), distance=64)

    with pytest.raises(NotAskedError, match=r"\d+ tokens more than the model looks back"):
        [*own_formats.read("call", own_formats.TURNS["call"], near, Hermes())]


def test_an_engine_that_leaves_out_what_the_user_says_answers_wrongly() -> None:
    class Deaf(Hermes):
        template = "<|im_start|>assistant\n"

    with pytest.raises(EngineAnswerError, match="expected what the user says in the prompt"):
        [*own_formats.read("text", own_formats.TURNS["text"], model(), Deaf())]


class Renders(Hermes):
    """An engine with a template of its own, which it tells tokens and the date."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.template = template

    def prompt(self, body: Mapping[str, Any]) -> str:
        return templates.render(
            self.template,
            body["messages"],
            tools=body.get("tools"),
            bos_token=END_OF_TEXT,
            eos_token=END_OF_TURN,
            enable_thinking=True,
            date_string=templates.now("%d %b %Y"),
        )


KNOWN = "{{ bos_token }}{{ eos_token }}{{ enable_thinking }}{{ date_string }}"


@pytest.mark.parametrize("template", [HERMES, CHATML, NO_SYSTEM, f"{KNOWN}{CHATML}"])
def test_prompts_are_those_that_jinja2_renders(template: str) -> None:
    assert [*own_formats.prompts(model(template), Renders(template))] == []


def test_the_template_for_tools_renders_only_the_prompt_with_a_tool() -> None:
    found = own_formats.prompts(TWO_TEMPLATES, Renders(f"{HERMES}!"))
    right = own_formats.prompts(TWO_TEMPLATES, Renders(HERMES))

    assert len([*found]) == len(templates.AWKWARD) + 1
    assert not any("`tools`" in difference for difference in right)


def test_each_prompt_that_differs_is_named() -> None:
    found = own_formats.prompts(model(), Renders(f"{HERMES}!"))

    assert [difference.partition(": expected ")[0] for difference in found] == [
        *(f"prompt of `{name}`" for name in templates.AWKWARD),
        "prompt of `tools`",
    ]


def test_a_conversation_that_the_template_refuses_is_not_asked() -> None:
    found = [*own_formats.prompts(model(NO_SYSTEM), Renders(f"{NO_SYSTEM}!"))]

    assert len(found) == 4
    assert not any("several turns" in difference for difference in found)
