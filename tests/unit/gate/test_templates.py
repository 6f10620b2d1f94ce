from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jinja2.exceptions import SecurityError

from engine_ci.gate import templates
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
    with pytest.raises(SecurityError):
        templates.render("{{ messages.__class__.__mro__ }}", HELLO)


def test_awkward_conversations_end_with_the_user() -> None:
    for messages in (*templates.AWKWARD.values(), templates.TOOL_TURNS):
        assert messages[-1]["role"] == "user"
