from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.gate import templates
from engine_ci.gate.templates import RefusedError
from engine_ci.gate.vocabulary import CHATML
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path

HELLO = ({"role": "user", "content": "Hello"},)


def test_a_template_is_read_from_the_model(tmp_path: Path) -> None:
    assert templates.load(tiny.write(tmp_path / "tiny.gguf")) == CHATML


def test_a_prompt_ends_where_the_assistant_begins() -> None:
    assert templates.render(CHATML, HELLO) == (
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_tool_is_written_as_models_have_seen_it() -> None:
    tool = {"name": "a<b>'é"}

    found = templates.render("{{ tools[0] | tojson }}", HELLO, tools=[tool])

    assert found == '{"name": "a<b>\'é"}'


def test_lines_of_a_template_that_hold_a_block_only_leave_nothing() -> None:
    source = "a\n  {% if tools %}\nb\n  {% endif %}\nc"

    assert templates.render(source, HELLO) == "a\nc"


def test_what_stands_in_a_message_is_not_run() -> None:
    message = {"role": "user", "content": "{{ 7 * 7 }}"}

    assert "{{ 7 * 7 }}" in templates.render(CHATML, [message])


def test_a_template_reaches_nothing_of_ours() -> None:
    with pytest.raises(RefusedError, match="unsafe"):
        templates.render("{{ messages.__class__.__mro__ }}", HELLO)


def test_awkward_conversations_end_with_the_user() -> None:
    for messages in (*templates.AWKWARD.values(), templates.TOOL_TURNS):
        assert messages[-1]["role"] == "user"


def test_a_template_that_refuses_a_conversation_is_told_of() -> None:
    with pytest.raises(RefusedError, match="no system"):
        templates.render("{{ raise_exception('no system') }}", HELLO)


@pytest.mark.parametrize("source", ["{% if %}", "{{ 1 + 'a' }}", "{{ 1 / 0 }}", "{{ a.b.c }}"])
def test_whatever_a_template_does_wrong_it_is_a_refusal(source: str) -> None:
    with pytest.raises(RefusedError):
        templates.render(source, HELLO)


def test_what_marks_the_assistants_words_for_training_leaves_nothing() -> None:
    source = "a{% generation %}{{ messages[0]['content'] }}{% endgeneration %}b"

    assert templates.render(source, HELLO) == "aHellob"


def test_loops_can_be_left() -> None:
    source = "{% for n in range(9) %}{% if n == 2 %}{% break %}{% endif %}{{ n }}{% endfor %}"

    assert templates.render(source, HELLO) == "01"


def test_a_template_knows_the_date() -> None:
    year = templates.now("%Y")

    assert templates.render("{{ strftime_now('%Y') }}", HELLO) == year
    assert int(year) >= 2026


def test_json_is_spelled_as_a_template_wishes() -> None:
    source = "{{ {'b': 'é', 'a': 1} | tojson(ensure_ascii=True, sort_keys=true, indent=1) }}"

    assert templates.render(source, HELLO) == '{\n "a": 1,\n "b": "\\u00e9"\n}'
