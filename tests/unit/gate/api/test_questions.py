from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import EngineAnswerError
from engine_ci.gate import goldens, zoo
from engine_ci.gate.api import questions, shapes
from engine_ci.gate.api.chat_shapes import Chunk
from engine_ci.system.http import Answer
from tests.unit.gate.api.asked import KNOWN, answer, event

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "In"}, "finish_reason": None}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ((), None),
        (("-m", "x"), None),
        (("--parallel", "4"), 4),
        (("-np", "2"), 2),
        (("--parallel", "4", "-np", "2"), 2),
        (("-np", "-1"), None),
        (("-np", "0"), None),
        (("--parallel",), None),
    ],
)
def test_an_app_says_how_many_slots_it_wants_or_leaves_it_open(
    argv: Sequence[str], expected: int | None
) -> None:
    assert questions.slots(argv) == expected


def test_what_is_right_is_taken_from_the_golden() -> None:
    golden = goldens.load(zoo.golden_folder() / "stable.json")
    known = questions.knowledge(golden, ("--parallel", "2"))

    assert known.answer == "The capital of France is Paris."
    assert (known.prompted, len(known.tokens), known.slots) == (27, 15, 2)
    assert known.prompt.endswith("assistant\n")


def test_an_answer_may_run_past_its_end_so_that_the_end_is_the_engines_own() -> None:
    assert questions.completion(KNOWN)["n_predict"] > len(KNOWN.tokens)
    assert questions.chat(KNOWN)["max_tokens"] > len(KNOWN.tokens)
    assert questions.chat(KNOWN, count=2)["max_tokens"] == 2


def test_a_stream_is_read_up_to_its_done() -> None:
    found = questions.chunks([event(CHUNK), event(CHUNK), b"data: [DONE]"], endpoint="POST /x")

    assert questions.text(found) == "InIn"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        pytest.param([], r"expected `\[DONE\]` as the end, found b''", id="nothing"),
        pytest.param([event(CHUNK)], r"expected `\[DONE\]` as the end", id="no-done"),
        pytest.param([b"data: [DONE]"] * 2, "expected `data: JSON`", id="done-twice"),
        pytest.param(
            [event(CHUNK | {"object": "chat.completion"}), b"data: [DONE]"],
            "`object`: expected 'chat.completion.chunk'",
            id="of-another-kind",
        ),
        pytest.param(
            [event({"error": {"code": 500}}), b"data: [DONE]"],
            "an error under status 200",
            id="error-as-data",
        ),
    ],
)
def test_a_stream_of_another_shape_is_an_error(lines: list[bytes], reason: str) -> None:
    with pytest.raises(EngineAnswerError, match=reason):
        questions.chunks(lines, endpoint="POST /x")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "is not JSON"),
        (b"[]", "POST /x: `error`: `the whole answer`"),
        (b'{"message": "no"}', "POST /x: `error`: `the whole answer`"),
        (b'{"error": {"code": 400, "type": "t"}}', "POST /x: `error`: `message`"),
        (b'{"error": {"code": "400", "type": "t", "message": "m"}}', "POST /x: `error`: `code`"),
    ],
)
def test_a_refusal_without_its_error_object_is_an_error(body: bytes, reason: str) -> None:
    with pytest.raises(EngineAnswerError, match=reason):
        questions.refusal(Answer(status=400, body=body), shapes.Refusal, endpoint="POST /x")


@given(JSON)
def test_whatever_else_is_sent_is_an_error_that_names_the_endpoint(
    value: object,
) -> None:
    refused = answer(value, status=400)

    with pytest.raises(EngineAnswerError, match=r"^POST /x: "):
        questions.refusal(refused, shapes.Refusal, endpoint="POST /x")


def chunk(*pieces: dict[str, Any], finish: str | None = None) -> Chunk:
    delta = {"tool_calls": [*pieces]} if pieces else {"content": "x"}
    return Chunk.model_validate(
        {
            "id": "1",
            "created": 1,
            "model": "m",
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
    )


def piece(index: int, **function: str) -> dict[str, Any]:
    return {"index": index, "function": function}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], []),
        ([chunk()], []),
        ([chunk(piece(0, name="f", arguments="{")), chunk(piece(0, arguments="}"))], [("f", "{}")]),
        ([chunk(piece(1, name="g"), piece(0, name="f"))], [("f", ""), ("g", "")]),
        ([chunk(piece(0, arguments="{}"))], [("", "{}")]),
    ],
)
def test_the_pieces_of_a_call_are_put_together(
    said: Sequence[Chunk], expected: list[tuple[str, str]]
) -> None:
    found = [(each.name, each.arguments) for each in questions.functions(said)]

    assert found == expected


def test_the_reason_of_the_last_chunk_is_the_one_that_counts() -> None:
    assert questions.finish([chunk(finish="stop"), chunk(finish="tool_calls")]) == "tool_calls"
    assert questions.finish([]) is None
