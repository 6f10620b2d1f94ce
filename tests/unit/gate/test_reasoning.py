from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.gate import reasoning
from engine_ci.gate.api.anthropic import MESSAGES
from tests.unit.gate.api.asked import Asked, answer, event, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def test_by_another_api_the_thoughts_are_a_part_of_their_own() -> None:
    thoughts = {"type": "thinking", "thinking": THOUGHTS}
    said = {"type": "text", "text": f"<think>{THOUGHTS}</think>{ANSWER}"}

    assert told([thoughts, {"type": "text", "text": ANSWER}]) == []
    (found,) = told([said])
    assert found.startswith("parts: expected (Part(kind='thoughts'")


def told(blocks: list[dict[str, str]]) -> list[str]:
    """In what these blocks differ; the stream is right, and the prompt has seven tokens."""
    message = {
        "type": "message",
        "role": "assistant",
        "content": blocks,
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 9},
    }
    client = Asked(
        {"/v1/messages": answer(message), "/tokenize": answer({"tokens": [1] * 7})},
        lines=named(
            {"type": "message_start", "message": message},
            *block(0, "thinking", THOUGHTS),
            *block(1, "text", ANSWER),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ),
    )
    return list(reasoning.told_by("{{ messages }}", MESSAGES, client))


def block(index: int, kind: str, text: str) -> Iterator[dict[str, Any]]:
    begun = {"type": kind, kind: ""}
    delta = {"type": f"{kind}_delta", kind: text}
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def test_the_thoughts_are_text_of_a_grammar_as_they_are() -> None:
    assert json.dumps(reasoning._WHOLE) == f'"{reasoning._WHOLE}"'
