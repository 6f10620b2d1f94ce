from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.gate import reasoning
from tests.unit.gate.api.asked import Asked, answer, event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.system.http import Answer

THOUGHTS = "The user asks for a city: 3 < 4 & all."
ANSWER = "It is Paris."


def chunk(**delta: str) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    told = {"id": "1", "created": 1, "model": "m", "object": "chat.completion.chunk"}
    return event(told | {"choices": [choice]})


class Thinking(Asked):
    """Tells thoughts apart where it is to, and streams the chunks it was given."""

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        del method, path
        assert isinstance(body, dict)
        whole = body.get("reasoning_format") == "none"
        said = {"content": f"<think>{THOUGHTS}</think>{ANSWER}"} if whole else APART
        return answer({"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]})


APART = {"content": ANSWER, "reasoning_content": THOUGHTS}
DONE = b"data: [DONE]"


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        ([{"role": "assistant"}, {"reasoning_content": THOUGHTS}, {"content": ANSWER}], []),
        (
            [{"content": ANSWER}, {"reasoning_content": THOUGHTS}],
            ["stream: expected all thoughts before the answer, found some after it"],
        ),
        (
            [{"content": f"{THOUGHTS}{ANSWER}"}],
            [
                f"reasoning_content (stream): expected {THOUGHTS!r}, found ''",
                f"content (stream): expected {ANSWER!r}, found {THOUGHTS + ANSWER!r}",
            ],
        ),
    ],
)
def test_thoughts_come_apart_and_before_the_answer(
    chunks: list[dict[str, str]], told: list[str]
) -> None:
    lines = (*(chunk(**each) for each in chunks), DONE)

    assert list(reasoning.apart(Thinking(lines=lines))) == told


def test_a_prompt_that_does_not_tell_of_earlier_thoughts_differs() -> None:
    source = "{{ messages[1].reasoning_content if messages | length > 1 else enable_thinking }}"
    client = Asked({"/apply-template": answer({"prompt": "False"})})

    assert list(reasoning.template(source, client)) == [
        f"prompt with earlier thoughts: expected {THOUGHTS!r}, found 'False'"
    ]


def test_the_thoughts_are_text_of_a_grammar_as_they_are() -> None:
    assert json.dumps(reasoning._WHOLE) == f'"{reasoning._WHOLE}"'
