"""What an answer in another dialect lacks is told in words; what is right is asked of engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.errors import EngineAnswerError
from engine_ci.gate.api import dialects
from tests.unit.gate.api.asked import KNOWN, Asked, answer, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.questions import Known

USAGE = {"prompt_tokens": 3, "completion_tokens": 6}
TOOK = {"input_tokens": 1, "output_tokens": 6}
COMPLETION = {"object": "text_completion", "usage": USAGE}
ENDED = {"text": "In Paris.", "finish_reason": "stop"}
RESPONSE = {
    "object": "response",
    "status": "completed",
    "usage": TOOK | {"input_tokens": 3},
    "output": [
        {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "In Paris."}],
        }
    ],
}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "In Paris."}],
    "stop_reason": "end_turn",
    "usage": TOOK | {"cache_read_input_tokens": 2},
}
DONE = b"data: [DONE]"


def asked(
    ask: Callable[[Client, Known], Iterator[str]],
    whole: dict[str, Any],
    *events: dict[str, Any],
) -> list[str]:
    paths = (dialects.TEXT, dialects.RESPONSES, dialects.MESSAGES)
    lines = (b"event: what", *map(event, events), DONE)
    return list(ask(Asked(dict.fromkeys(paths, answer(whole)), lines=lines), KNOWN))


def completion(**choice: object) -> dict[str, Any]:
    return COMPLETION | {"choices": [ENDED | choice]}


def test_the_answer_in_each_dialect_is_fine() -> None:
    said = completion(text=" Paris."), completion(text="In", finish_reason=None)
    assert asked(dialects.completions, completion(), *reversed(said)) == []
    assert asked(
        dialects.responses,
        RESPONSE,
        {"type": "response.created"},
        {"type": "response.output_text.delta", "delta": "In"},
        {"type": "response.output_text.delta", "delta": " Paris."},
        {"type": "response.completed"},
    ) == []  # fmt: skip
    assert asked(
        dialects.messages,
        MESSAGE,
        {"type": "message_start"},
        {"type": "content_block_delta", "delta": {"text": "In Paris."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ) == []  # fmt: skip


def test_a_stream_of_nothing_is_told_of() -> None:
    nothing = "text (stream): expected 'In Paris.', found ''"
    assert asked(dialects.completions, completion()) == [nothing]
    assert asked(dialects.responses, RESPONSE) == [
        nothing,
        "ends (stream): expected ['response.created', 'response.completed'], found []",
    ]
    assert asked(dialects.messages, MESSAGE) == [
        nothing,
        "stop_reason (stream): expected ['end_turn'], found []",
        "ends (stream): expected ['message_start', 'message_stop'], found []",
    ]


def test_an_answer_that_was_cut_off_or_counted_wrongly_is_told_of() -> None:
    whole = completion(finish_reason="length") | {"usage": None}
    last = completion()
    assert asked(dialects.completions, whole, last) == [
        "finish_reason: expected 'stop', found 'length'",
        "usage: expected (3, 6), found None",
    ]


@pytest.mark.parametrize("path", ["output", "usage", "status"])
def test_an_answer_of_another_shape_is_an_error(path: str) -> None:
    with pytest.raises(EngineAnswerError, match=path):
        asked(dialects.responses, {key: RESPONSE[key] for key in RESPONSE if key != path})
