"""An answer is read in its shape, or what is wrong with it is said."""

from __future__ import annotations

import json

import pytest

from engine_ci.engine import answers, reading
from engine_ci.errors import EngineAnswerError, EngineRefusedError
from engine_ci.system.http import Answer

COMPLETED = {"content": "a", "tokens": [1], "stop_type": "limit"}


def test_an_error_under_status_200_is_an_error() -> None:
    answer = Answer(status=200, body=json.dumps(COMPLETED | {"error": {"code": 500}}).encode())

    with pytest.raises(EngineAnswerError) as caught:
        reading.read(answer, answers.Completed, endpoint="POST /completion")

    expected = "POST /completion: an error under status 200: {'code': 500}"
    assert str(caught.value) == expected


def test_another_status_is_an_error_that_shows_the_answer() -> None:
    answer = Answer(status=500, body=b'{"error": {"message": "Compute error."}}' + b" " * 500)

    with pytest.raises(EngineAnswerError) as caught:
        reading.read(answer, answers.Completed, endpoint="POST /completion")

    assert str(caught.value).startswith("POST /completion: expected status 200, found 500: ")
    assert "Compute error." in str(caught.value)
    assert len(str(caught.value)) < 300


def test_an_error_in_the_documented_form_is_a_refusal() -> None:
    error = {"code": 400, "message": "600 tokens exceed 512", "type": "exceed_context_size_error"}
    answer = Answer(status=400, body=json.dumps({"error": error | {"n_ctx": 512}}).encode())

    with pytest.raises(EngineRefusedError, match="expected status 200, found 400") as caught:
        reading.read(answer, answers.Completed, endpoint="POST /completion")

    assert (caught.value.status, caught.value.kind) == (400, "exceed_context_size_error")
    assert caught.value.said == "600 tokens exceed 512"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[]", b'{"error": "no"}', b'{"error": {"message": "no"}}', b"[" * 100_000],
)
def test_an_error_in_any_other_form_is_no_refusal(body: bytes) -> None:
    with pytest.raises(EngineAnswerError) as caught:
        reading.read(Answer(status=400, body=body), answers.Completed, endpoint="GET /x")

    assert type(caught.value) is EngineAnswerError


def test_what_is_not_json_is_an_error_that_names_the_endpoint() -> None:
    with pytest.raises(EngineAnswerError) as caught:
        reading.read(Answer(status=200, body=b"<html>"), answers.Props, endpoint="GET /props")

    assert str(caught.value) == "GET /props: the answer (status 200) is not JSON: '<html>'"


def test_an_event_is_the_json_after_data() -> None:
    assert reading.event(b'data: {"a": 1}', endpoint="POST /x") == {"a": 1}


@pytest.mark.parametrize("line", [b"", b"data: ", b"data: [DONE]", b"event: x", b"data: \xff"])
def test_a_line_that_is_no_event_is_shown(line: bytes) -> None:
    with pytest.raises(EngineAnswerError) as caught:
        reading.event(line, endpoint="POST /x")

    assert caught.value.message == f"POST /x: expected `data: JSON`, found {line!r}"
