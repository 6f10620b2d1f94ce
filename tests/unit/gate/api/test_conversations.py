"""What conversations are in other dialects, and the calls of tools that answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.gate import templates
from engine_ci.gate.api import anthropic, parts, responses
from engine_ci.gate.api.anthropic import MESSAGES
from engine_ci.gate.api.parts import Part, Told
from engine_ci.gate.api.responses import RESPONSES
from tests.unit.gate.api.asked import Asked, answer, named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.gate.api.parts import Dialect

THOUGHTFUL = (
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": "In Paris.", "reasoning_content": "Hm."},
    {"role": "user", "content": "And now?"},
)
WITH_TOOLS = (templates.SYSTEM, *templates.TOOL_TURNS)
SYSTEM = templates.SYSTEM["content"]
TOOL = templates.TOOL["function"]
SCHEMA = TOOL["parameters"]
ASKED = {"type": "text", "text": "How many people live in Paris?"}
ARGUMENTS = '{"city": "Paris", "year": 2026}'
EXPECTED = Told((Part("call", templates.ARGUMENTS, "population"),), "tool_use", 9, None)


def test_a_conversation_is_blocks_for_messages() -> None:
    thoughtful = MESSAGES.body(THOUGHTFUL, (), 200)
    called = MESSAGES.body(WITH_TOOLS, [templates.TOOL], 200)

    assert {"system", "tools", "tool_choice"}.isdisjoint(thoughtful)
    assert thoughtful["max_tokens"] == 200
    assert thoughtful["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "text", "text": "In Paris."},
    ]
    assert called["system"] == [{"type": "text", "text": SYSTEM}]
    assert called["tool_choice"] == {"type": "any"}
    described = {"name": "population", "description": TOOL["description"]}
    assert called["tools"] == [described | {"input_schema": SCHEMA}]
    assert called["messages"][:3] == [
        {"role": "user", "content": [ASKED]},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "call-1",
                    "name": "population",
                    "input": templates.ARGUMENTS,
                }
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call-1",
                    "content": [{"type": "text", "text": "2 million"}],
                }
            ],
        },
    ]


def test_a_conversation_is_items_for_responses() -> None:
    thoughtful = RESPONSES.body(THOUGHTFUL, (), 200)
    called = RESPONSES.body(WITH_TOOLS, [templates.TOOL], 200)

    assert {"instructions", "tools", "tool_choice"}.isdisjoint(thoughtful)
    assert thoughtful["max_output_tokens"] == 200
    assert thoughtful["input"][1:3] == [
        {
            "type": "reasoning",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "Hm."}],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "In Paris."}],
        },
    ]
    assert (called["instructions"], called["tool_choice"]) == (SYSTEM, "required")
    assert called["tools"] == [{"type": "function", **TOOL}]
    assert called["input"][:3] == [
        {"type": "message", "role": "user", "content": [ASKED | {"type": "input_text"}]},
        {
            "type": "function_call",
            "call_id": "call-1",
            "name": "population",
            "arguments": ARGUMENTS,
        },
        {"type": "function_call_output", "call_id": "call-1", "output": "2 million"},
    ]


def test_a_picture_is_sent_as_each_api_takes_it() -> None:
    url = "data:image/png;base64,AbC="
    shown = {"type": "image_url", "image_url": {"url": url}}
    message = {"role": "user", "content": [shown, {"type": "text", "text": "What?"}]}

    (turn,) = MESSAGES.body([message], (), 9)["messages"]
    (item,) = RESPONSES.body([message], (), 9)["input"]

    source = {"type": "base64", "media_type": "image/png", "data": "AbC="}
    assert turn["content"] == [
        {"type": "image", "source": source},
        {"type": "text", "text": "What?"},
    ]
    assert item["content"] == [
        {"type": "input_image", "image_url": url},
        {"type": "input_text", "text": "What?"},
    ]


USE = {"type": "tool_use", "id": "1", "name": "population"}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [USE | {"input": templates.ARGUMENTS}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 9, "output_tokens": 30},
}


def piece(text: str, *, index: int = 0) -> dict[str, Any]:
    delta = {"type": "input_json_delta", "partial_json": text}
    return {"type": "content_block_delta", "index": index, "delta": delta}


def uses(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "message_start", "message": MESSAGE},
        *events,
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]


START: dict[str, Any] = {"type": "content_block_start", "index": 0, "content_block": USE}
STOP: dict[str, Any] = {"type": "content_block_stop", "index": 0}
PIECES = (piece(ARGUMENTS[:9]), piece(ARGUMENTS[9:]))
SIGNED = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta"}}
THIRD = (START | {"index": 3}, piece(ARGUMENTS, index=3), STOP | {"index": 3})


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([START, *PIECES, SIGNED, STOP], []),
        ([START, *PIECES, START, STOP], ["stream: times part 0 begins: expected 1, found 2"]),
        (THIRD, ["stream: numbers of blocks: expected [0], found [3]"]),
    ],
)
def test_a_call_comes_in_blocks(events: Iterable[dict[str, Any]], told: list[str]) -> None:
    found = asked(MESSAGES, anthropic.PATH, MESSAGE, uses(*events))

    assert [each for each in found if each.startswith("stream: ")] == told


def test_a_call_that_never_begins_is_told_of() -> None:
    lost = {"type": "content_block_start", "index": 0}

    found = asked(MESSAGES, anthropic.PATH, MESSAGE, uses(lost, *PIECES, STOP))

    assert "stream: times part 0 begins: expected 1, found 0" in found


CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "1",
    "name": "population",
    "arguments": ARGUMENTS,
}
RESPONSE = {
    "object": "response",
    "status": "completed",
    "output": [CALL],
    "usage": {"input_tokens": 9, "output_tokens": 30},
}
ADDED = {"type": "response.output_item.added", "item": CALL | {"arguments": ""}}
DELTA = {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": ARGUMENTS}
ARGUED = {"type": "response.argued", "item_id": "fc_1"}
OVER: dict[str, Any] = {"type": "response.output_item.done", "item": CALL}


def responded(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "response.created", "response": {"object": "response", "status": "in_progress"}},
        *events,
        {"type": "response.completed", "response": RESPONSE},
    ]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([ADDED, DELTA, OVER], []),
        ([ADDED, DELTA, ARGUED, OVER], []),
        (
            [ADDED, DELTA, ARGUED, ARGUED, OVER],
            ["stream: times 'response.argued' of 'fc_1': expected 1, found 2"],
        ),
        ([ADDED, ADDED, DELTA, OVER], ["stream: times part 0 begins: expected 1, found 2"]),
    ],
)
def test_a_call_comes_as_an_item(events: list[dict[str, Any]], told: list[str]) -> None:
    found = asked(RESPONSES, responses.PATH, RESPONSE, responded(*events))

    assert [each for each in found if each.startswith("stream: ")] == told


def test_the_pieces_of_a_call_make_what_the_whole_item_is() -> None:
    other = OVER | {"item": CALL | {"name": "town"}}

    (found,) = asked(RESPONSES, responses.PATH, RESPONSE, responded(ADDED, DELTA, other))

    assert found.startswith("parts (stream): expected")
    assert "'town'" in found


def asked(
    dialect: Dialect, path: str, whole: dict[str, Any], events: list[dict[str, Any]]
) -> list[str]:
    client = Asked({path: answer(whole)}, lines=named(*events))
    expected = EXPECTED._replace(ended=dialect.called)
    return list(parts.differences(client, dialect, {}, expected))
