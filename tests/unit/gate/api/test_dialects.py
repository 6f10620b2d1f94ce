"""What an answer in another dialect lacks is told in words; what is right is asked of engines."""

from __future__ import annotations

from typing import Any

import pytest

from engine_ci.errors import EngineAnswerError
from engine_ci.gate.api import anthropic, dialects, responses
from tests.unit.gate.api.asked import KNOWN, Asked, answer, event, named

USAGE = {"prompt_tokens": 3, "completion_tokens": 6}
TOOK = {"input_tokens": 1, "output_tokens": 6}
COMPLETION = {"object": "text_completion", "usage": USAGE}
ENDED = {"text": "In Paris.", "finish_reason": "stop"}
ITEM = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "In Paris."}],
}
RESPONSE = {
    "object": "response",
    "status": "completed",
    "usage": TOOK | {"input_tokens": 3},
    "output": [ITEM],
}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "In Paris."}],
    "stop_reason": "end_turn",
    "usage": TOOK | {"cache_read_input_tokens": 2},
}
BEGUN = {"object": "response", "status": "in_progress"}
TEXT = {"type": "response.output_text.delta", "item_id": "msg_1"}
RESPONSE_EVENTS = (
    {"type": "response.created", "response": BEGUN},
    {"type": "response.output_item.added", "item": ITEM | {"content": []}},
    TEXT | {"delta": "In"},
    TEXT | {"delta": " Paris."},
    {"type": "response.output_text.done", "item_id": "msg_1", "text": "In Paris."},
    {"type": "response.content_part.done", "item_id": "msg_1", "part": ITEM["content"][0]},
    {"type": "response.output_item.done", "item": ITEM},
    {"type": "response.completed", "response": RESPONSE},
)
PROMPTED = {"input_tokens": 3, "output_tokens": 0}
STARTED: dict[str, Any] = MESSAGE | {"content": [], "stop_reason": None, "usage": PROMPTED}
STOPPED = {"stop_reason": "end_turn"}
MESSAGE_EVENTS = (
    {"type": "message_start", "message": STARTED},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "In"}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " Paris."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": STOPPED, "usage": {"output_tokens": 6}},
    {"type": "message_stop"},
)
DONE = b"data: [DONE]"


def completed(whole: dict[str, Any], *events: dict[str, Any]) -> list[str]:
    client = Asked({dialects.TEXT: answer(whole)}, lines=(*map(event, events), DONE))
    return list(dialects.completions(client, KNOWN))


def responded(whole: dict[str, Any], *events: dict[str, Any]) -> list[str]:
    client = Asked({responses.PATH: answer(whole)}, lines=named(*events))
    return list(dialects.responses(client, KNOWN))


def messaged(whole: dict[str, Any], *events: dict[str, Any]) -> list[str]:
    client = Asked({anthropic.PATH: answer(whole)}, lines=named(*events))
    return list(dialects.messages(client, KNOWN))


def completion(**choice: object) -> dict[str, Any]:
    return COMPLETION | {"choices": [ENDED | choice]}


def test_the_answer_in_each_dialect_is_fine() -> None:
    said = completion(text="In", finish_reason=None), completion(text=" Paris.")
    assert completed(completion(), *said) == []
    assert responded(RESPONSE, *RESPONSE_EVENTS) == []
    assert messaged(MESSAGE, *MESSAGE_EVENTS) == []


def test_a_stream_of_nothing_is_told_of() -> None:
    assert completed(completion()) == ["text (stream): expected 'In Paris.', found ''"]
    assert "stream: ends: expected ['response.created', 'response.completed'], found []" in (
        responded(RESPONSE)
    )
    assert "prompted (stream): expected 3, found 0" in messaged(MESSAGE)


def test_an_answer_that_was_cut_off_or_counted_wrongly_is_told_of() -> None:
    whole = completion(finish_reason="length") | {"usage": None}
    assert completed(whole, completion()) == [
        "finish_reason: expected 'stop', found 'length'",
        "usage: expected (3, 6), found None",
    ]
    cut = {"status": "incomplete", "usage": None}
    assert responded(RESPONSE | cut, *RESPONSE_EVENTS) == [
        "ended: expected 'completed', found 'incomplete, completed'",
        "prompted: expected 3, found None",
        "answered: expected 6, found None",
    ]
    assert messaged(MESSAGE | {"stop_reason": None}, *MESSAGE_EVENTS) == [
        "ended: expected 'end_turn', found ''"
    ]


@pytest.mark.parametrize("field", ["object", "status", "output"])
def test_an_answer_of_another_shape_is_an_error(field: str) -> None:
    with pytest.raises(EngineAnswerError, match=field):
        responded(RESPONSE | {field: 1})


@pytest.mark.parametrize("lines", [[b"event: ping", b'data: {"type": "stop"}'], [b"data: []"]])
def test_an_event_has_the_name_of_its_type(lines: list[bytes]) -> None:
    client = Asked({anthropic.PATH: answer(MESSAGE)}, lines=(*lines, b": a comment"))
    with pytest.raises(EngineAnswerError, match=r"\(stream\)"):
        list(dialects.messages(client, KNOWN))


def counted(*tokens: int) -> list[str]:
    paths = [path for path, _ in dialects.COUNTS]
    client = Asked(
        {path: answer({"input_tokens": count}) for path, count in zip(paths, tokens, strict=True)}
    )
    return list(dialects.counts(client, KNOWN))


def test_a_prompt_is_counted_alike_by_each_api() -> None:
    assert counted(3, 3, 3) == []
    assert counted(3, 4, 0) == [
        "tokens by /v1/responses/input_tokens: expected 3, found 4",
        "tokens by /v1/messages/count_tokens: expected 3, found 0",
    ]
