from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine import answers, reading
from engine_ci.errors import EngineAnswerError
from engine_ci.system.http import Answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
LIKELY = {"id": 1, "logprob": -0.5}
POSITION = LIKELY | {"top_logprobs": [LIKELY]}
COMPLETED: dict[str, Any] = {
    "content": "a",
    "tokens": [1],
    "stop_type": "limit",
    "completion_probabilities": [POSITION],
}
CHAT: dict[str, Any] = {
    "choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}
SHAPES: list[tuple[type[answers.Shape], dict[str, Any]]] = [
    (answers.Health, {"status": "ok"}),
    (
        answers.Props,
        {"model_path": "m", "total_slots": 1, "build_info": "b1-0", "chat_template": ""},
    ),
    (answers.Completed, COMPLETED),
    (answers.Piece, {"tokens": [1], "stop": False, "tokens_predicted": 1}),
    (answers.Tokens, {"tokens": [1, 2]}),
    (answers.Content, {"content": "a"}),
    (answers.Prompt, {"prompt": "a"}),
    (answers.ChatCompletion, CHAT),
    (answers.SlotDone, {"id_slot": 0}),
]


def refusal(value: object, shape: type[answers.Shape]) -> str:
    with pytest.raises(EngineAnswerError) as caught:
        reading.fit(value, shape, endpoint="GET /x")
    return str(caught.value)


@pytest.mark.parametrize(("shape", "value"), SHAPES)
def test_unknown_fields_are_not_looked_at(
    shape: type[answers.Shape], value: dict[str, Any]
) -> None:
    expected = reading.fit(value, shape, endpoint="GET /x")

    assert reading.fit(value | {"new": {"of": "any kind"}}, shape, endpoint="GET /x") == expected


@pytest.mark.parametrize(("shape", "value"), SHAPES)
def test_each_field_that_is_missing_is_named(
    shape: type[answers.Shape], value: dict[str, Any]
) -> None:
    for field in set(value) - {"completion_probabilities"}:
        renamed = {f"{name}_v2" if name == field else name: kept for name, kept in value.items()}

        assert refusal(renamed, shape).startswith(f"GET /x: `{field}`: expected, but found only [")
        assert f"'{field}_v2'" in refusal(renamed, shape)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": "1"}, "`tokens`: expected a valid list, found '1'"),
        ({"tokens": [1, "2"]}, "`tokens.1`: expected a valid integer, found '2'"),
        ({"tokens": [1.0]}, "`tokens.0`: expected a valid integer, found 1.0"),
        ({"tokens": [True]}, "`tokens.0`: expected a valid integer, found True"),
        ({"tokens": [-1]}, "`tokens.0`: expected greater than or equal to 0, found -1"),
        ({"tokens": [2**31]}, "`tokens.0`: expected less than 2147483648, found 2147483648"),
        ({"content": None}, "`content`: expected a valid string, found None"),
        (
            {"completion_probabilities": [LIKELY]},
            "`completion_probabilities.0.top_logprobs`: expected, but found only ['id', 'logprob']",
        ),
        (
            {"completion_probabilities": [POSITION | {"logprob": 1}]},
            "`completion_probabilities.0.logprob`: expected less than or equal to 0.0001, found 1",
        ),
        (
            {"completion_probabilities": [POSITION | {"logprob": float("nan")}]},
            "`completion_probabilities.0.logprob`: expected a finite number, found nan",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_field_expected_and_found(
    change: dict[str, Any], message: str
) -> None:
    assert refusal(COMPLETED | change, answers.Completed) == f"GET /x: {message}"


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert refusal({"content": "\ud800"}, answers.Content).endswith(r"found '\ud800'")


@pytest.mark.parametrize("value", [[], 3, None, "text"])
def test_what_is_no_object_fits_nothing(value: object) -> None:
    expected = "`the whole answer`: expected a valid dictionary or instance of Health"

    assert refusal(value, answers.Health) == f"GET /x: {expected}, found {value!r}"


def test_a_chat_without_an_answer_is_refused() -> None:
    message = refusal(CHAT | {"choices": []}, answers.ChatCompletion)

    assert message.startswith("GET /x: `choices`: expected List should have at least 1 item")


def test_a_long_value_is_shown_in_part() -> None:
    assert len(refusal({"content": ["x"] * 10_000}, answers.Content)) < 300


def outcome(value: object, shape: type[answers.Shape]) -> str:
    answer = Answer(status=200, body=json.dumps(value).encode())
    try:
        reading.read(answer, shape, endpoint="GET /x")
    except EngineAnswerError as error:
        return str(error)
    return "fits"


@given(value=JSON, shape=st.sampled_from([shape for shape, _ in SHAPES]))
def test_no_json_causes_anything_but_a_shape_or_its_error(
    value: object, shape: type[answers.Shape]
) -> None:
    assert outcome(value, shape).startswith(("fits", "GET /x: "))


@given(data=st.data(), which=st.sampled_from(SHAPES), replacement=JSON)
def test_a_wrong_field_is_named_whatever_stands_in_it(
    data: st.DataObject, which: tuple[type[answers.Shape], dict[str, Any]], replacement: object
) -> None:
    shape, value = which
    field = data.draw(st.sampled_from(sorted(value)))

    assert outcome(value | {field: replacement}, shape).startswith(("fits", f"GET /x: `{field}"))
