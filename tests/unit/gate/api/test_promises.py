from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.errors import EngineAnswerError
from engine_ci.gate.api import promises
from engine_ci.gate.api.chat_shapes import Position
from tests.unit.gate.api.asked import KNOWN, Asked, answer, event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine_ci.system.http import Answer

NAMED = {"id": "chatcmpl-1", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}


def likely(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob}


def position(*top: tuple[str, float], chosen: str = "a") -> Position:
    likeliest = [likely(*each) for each in top]
    return Position.model_validate(likely(chosen, -0.5) | {"top_logprobs": likeliest})


def chunk(
    content: str | None = None,
    *,
    role: str | None = None,
    finish: str | None = None,
    **more: object,
) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": role, "content": content}, "finish_reason": finish}
    return NAMED | {"object": "chat.completion.chunk", "choices": [choice]} | more


def streamed(*chunks: dict[str, Any]) -> list[str]:
    lines = (*(event(each) for each in chunks), b"data: [DONE]")
    return list(promises.chat_stream(Asked(lines=lines), KNOWN))


BEGIN = chunk(role="assistant")
END = chunk(finish="stop")
COUNTED = NAMED | {"object": "chat.completion.chunk", "choices": [], "usage": USAGE}


def test_a_stream_in_order_has_no_difference() -> None:
    assert streamed(BEGIN, chunk("In "), chunk("Paris."), END, COUNTED) == []


@pytest.mark.parametrize(
    ("chunks", "difference"),
    [
        pytest.param(
            (chunk("In Paris."), END, COUNTED),
            "role in the first chunk: expected {'assistant'}, found {None}",
            id="no-role",
        ),
        pytest.param(
            (BEGIN, chunk("In Paris"), END, COUNTED),
            "content: expected 'In Paris.', found 'In Paris'",
            id="text-lost",
        ),
        pytest.param(
            (BEGIN, chunk("In Paris."), COUNTED),
            "finish_reason at the end: expected ['stop'], found [None]",
            id="no-finish",
        ),
        pytest.param(
            (BEGIN, chunk("In Paris.", finish="length"), END, COUNTED),
            "other finish_reasons: expected set(), found {'length'}",
            id="two-finishes",
        ),
        pytest.param(
            (BEGIN, chunk("In Paris.", id="other"), END, COUNTED),
            "number of ids: expected 1, found 2",
            id="two-ids",
        ),
        pytest.param(
            (BEGIN, chunk("In Paris."), END), "number of usages: expected 1, found 0", id="no-usage"
        ),
        pytest.param(
            (BEGIN, chunk("In Paris."), END, COUNTED | {"usage": USAGE | {"total_tokens": 8}}),
            "usage.total_tokens: expected 9, found 8",
            id="sum-wrong",
        ),
    ],
)
def test_one_thing_wrong_in_a_stream_is_one_difference(
    chunks: tuple[dict[str, Any], ...], difference: str
) -> None:
    assert streamed(*chunks) == [difference]


def test_a_completion_stream_of_nothing_is_an_error() -> None:
    with pytest.raises(EngineAnswerError, match=r"POST /completion \(stream\): `the whole answer`"):
        list(promises.completion_stream(Asked(), KNOWN))


def test_how_long_a_completion_took_stands_at_its_end_and_nowhere_else() -> None:
    took = {
        f"{part}_{what}": 1 for part in ("prompt", "predicted") for what in ("ms", "per_second")
    }
    timings = {"timings": {**took, "prompt_n": KNOWN.prompted, "predicted_n": len(KNOWN.tokens)}}
    end = {
        "content": KNOWN.answer,
        "stop": True,
        "stop_type": "eos",
        "stopping_word": "",
        "truncated": False,
        "tokens_predicted": len(KNOWN.tokens),
        "tokens_evaluated": KNOWN.prompted,
        "tokens_cached": 0,
        **timings,
    }

    def found(begin: dict[str, Any]) -> list[str]:
        lines = tuple(b"data: " + json.dumps(event).encode() for event in (begin, end))
        return list(promises.completion_stream(Asked(lines=lines), KNOWN))

    begin = {"content": "", "stop": False}
    assert found(begin) == []
    assert found(begin | timings) == ["events with `timings`: expected 1, found 2"]


def props(**said: object) -> list[str]:
    sampling = {"temperature": 1, "top_k": 40, "top_p": 0.9, "min_p": 0.1, "n_predict": -1}
    settings = {"n_ctx": 512, "params": sampling}
    sound = {
        "model_path": "m",
        "total_slots": 1,
        "build_info": "b1-0",
        "chat_template": "{{ x }}",
        "default_generation_settings": settings,
    }
    return list(promises.props(Asked({"/props": answer(sound | said)}), KNOWN))


def test_slots_that_the_app_does_not_name_are_the_engines_business() -> None:
    assert props() == []
    assert props(total_slots=4) == ["total_slots: expected 1, found 4"]


def test_a_model_with_one_template_has_no_other_for_tools() -> None:
    assert props(chat_template_tool_use="{{ y }}") == [
        "chat_template_tool_use: expected None, found '{{ y }}'"
    ]


def test_a_cut_answer_has_a_beginning_at_least() -> None:
    def said(text: str, finish: str) -> dict[str, Any]:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": finish,
        }
        return NAMED | {"object": "chat.completion", "choices": [choice], "usage": USAGE}

    client = Asked({"/v1/chat/completions": answer(said("", "stop"))})

    differences = list(promises.chat(client, KNOWN))

    assert differences[0] == "content: expected 'In Paris.', found ''"
    assert "content: expected 'a beginning', found ''" in differences
    assert "finish_reason: expected 'length', found 'stop'" in differences


@pytest.mark.parametrize(
    ("found", "differences"),
    [
        pytest.param(position(("a", -0.5), ("b", -2.0), ("c", -3.0)), [], id="right"),
        pytest.param(
            position(("a", -0.5), ("b", -2.0)),
            ["top_logprobs of position 7: expected 3, found 2"],
            id="too-few",
        ),
        pytest.param(
            position(),
            ["top_logprobs of position 7: expected 3, found 0"],
            id="none",
        ),
        pytest.param(
            position(("a", -0.5), ("b", -3.0), ("c", -2.0)),
            ["order at position 7: expected [-0.5, -2.0, -3.0], found [-0.5, -3.0, -2.0]"],
            id="out-of-order",
        ),
        pytest.param(
            position(("b", -0.5), ("a", -2.0), ("c", -3.0)),
            ["likeliest at position 7: expected 'b', found 'a'"],
            id="not-the-likeliest",
        ),
    ],
)
def test_the_likeliest_of_a_position_are_as_many_as_asked_best_first(
    found: Position, differences: list[str]
) -> None:
    assert list(promises.likeliest(7, found, count=3)) == differences


class Dice(Asked):
    """Answers `/completion` with what a test makes of the seed."""

    def __init__(self, roll: Callable[[int], str]) -> None:
        super().__init__()
        self._roll = roll

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        assert (method, path) == ("POST", "/completion")
        assert isinstance(body, dict)
        return answer({"content": self._roll(body["seed"])})


def test_chance_that_comes_from_the_seed_has_no_difference() -> None:
    assert list(promises.sampling(Dice(str), KNOWN)) == []


def test_the_same_seed_must_give_the_same_again() -> None:
    rolls = count()

    found = list(promises.sampling(Dice(lambda _: str(next(rolls))), KNOWN))

    assert found == ["content with the same seed again: expected '0', found '1'"]


def test_a_seed_that_is_ignored_is_seen() -> None:
    found = list(promises.sampling(Dice(lambda _: "always"), KNOWN))

    assert found == ["content with another seed: expected another than 'always', found the same"]


class Speaker(Asked):
    """Answers `/completion` with one pair of tokens and stop type or the other, by `ignore_eos`."""

    def __init__(self, *, ended: tuple[list[int], str], forced: tuple[list[int], str]) -> None:
        super().__init__()
        self._by = {False: ended, True: forced}

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        assert (method, path) == ("POST", "/completion")
        assert isinstance(body, dict)
        tokens, stop = self._by[body["ignore_eos"]]
        return answer({"tokens": tokens, "stop_type": stop})


ENDED = ([*KNOWN.tokens], "eos")
FORCED = ([*KNOWN.tokens[:-1], 9], "limit")


@pytest.mark.parametrize(
    ("ended", "forced", "differences"),
    [
        pytest.param(ENDED, FORCED, [], id="as-told"),
        pytest.param(
            ENDED,
            ENDED,
            [
                "ignore_eos true: stop_type: expected 'limit', found 'eos'",
                "ignore_eos true: expected another token than 6, the end, found it",
            ],
            id="no-effect",
        ),
        pytest.param(
            FORCED,
            FORCED,
            [
                "ignore_eos false: tokens: expected [1, 2, 3, 4, 5, 6], found [1, 2, 3, 4, 5, 9]",
                "ignore_eos false: stop_type: expected 'eos', found 'limit'",
            ],
            id="always",
        ),
        pytest.param(
            ENDED,
            ([7, 8, 9], "limit"),
            ["ignore_eos true: tokens before the end: expected [1, 2, 3, 4, 5], found [7, 8, 9]"],
            id="changes-what-comes-before",
        ),
    ],
)
def test_the_end_token_ends_an_answer_or_not_as_is_told(
    ended: tuple[list[int], str], forced: tuple[list[int], str], differences: list[str]
) -> None:
    assert list(promises.ignore_eos(Speaker(ended=ended, forced=forced), KNOWN)) == differences


class Strict(Asked):
    """Refuses parameters of null, all or none; what it says otherwise is the same."""

    def __init__(self, *, refuses: bool, says: str = KNOWN.answer) -> None:
        super().__init__()
        self._refuses = refuses
        self._says = says

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        assert (method, path) == ("POST", "/v1/chat/completions")
        assert isinstance(body, dict)
        assert {"temperature", "seed", "max_tokens"} <= {
            name for name, value in body.items() if value is None
        }
        if self._refuses:
            error = {"code": 400, "message": "null", "type": "invalid_request_error"}
            return answer({"error": error}, status=400)
        choice = {"message": {"content": self._says}, "finish_reason": "stop"}
        return answer({"choices": [choice]})


def test_parameters_of_null_change_nothing() -> None:
    assert list(promises.nulls(Strict(refuses=False), KNOWN)) == []
    assert list(promises.nulls(Strict(refuses=False, says="Rome"), KNOWN)) == [
        f"content: expected {KNOWN.answer!r}, found 'Rome'"
    ]


def test_who_refuses_parameters_of_null_is_told_with_what_it_says() -> None:
    with pytest.raises(EngineAnswerError, match=r"expected status 200, found 400: .*null"):
        list(promises.nulls(Strict(refuses=True), KNOWN))
