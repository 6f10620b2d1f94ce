from __future__ import annotations

import math

import pytest

from engine_ci.engine.client import Completion, Step
from engine_ci.errors import EngineRefusedError
from engine_ci.gate import goldens
from engine_ci.gate.goldens import Case
from engine_ci.gate.pressure import Exchange, mixed_up, not_full, not_refused, unexpected

STEPS = tuple(goldens.step([(token, math.log(0.9)), (0, math.log(0.05))]) for token in (5, 6))
CASE = Case(id="capital", prompt=(1, 2, 3), stop="eos", steps=STEPS)
OTHER = CASE.model_copy(update={"id": "spider"})


def answer(
    *tokens: int,
    evaluated: int | None = 1,
    stop: str = "limit",
    truncated: bool = False,
    moved: float = 0.0,
) -> Completion:
    logprob = STEPS[0].logprob - moved
    return Completion(
        tokens=tokens,
        text="",
        stop=stop,
        steps=tuple(Step(token=token, logprob=logprob, top=()) for token in tokens),
        evaluated=evaluated,
        truncated=truncated,
    )


def refused(status: int, kind: str, said: str = "no") -> EngineRefusedError:
    return EngineRefusedError("refused", status=status, kind=kind, said=said)


def exchange(found: Completion, *, expected: tuple[goldens.Step, ...] | None = STEPS) -> Exchange:
    return Exchange(what="again", found=found, expected=expected, evaluated=range(1, 4))


@pytest.mark.parametrize("evaluated", [1, 3])
def test_the_golden_tokens_by_way_of_the_cache_are_expected(evaluated: int) -> None:
    assert list(unexpected([exchange(answer(5, 6, evaluated=evaluated))])) == []


@pytest.mark.parametrize("evaluated", [None, 0, 4])
def test_a_cache_that_is_not_used_or_used_too_much_is_not(evaluated: int | None) -> None:
    assert list(unexpected([exchange(answer(5, 6, evaluated=evaluated))])) == [
        f"again: expected 1 to 3 tokens of the prompt evaluated, found {evaluated}"
    ]


def test_other_tokens_by_way_of_the_cache_are_not() -> None:
    assert list(unexpected([exchange(answer(5, 7))])) == [
        "again: expected tokens [5, 6], found [5, 7]"
    ]


def test_the_golden_tokens_with_other_log_probabilities_show_a_wrong_cache() -> None:
    assert list(unexpected([exchange(answer(5, 6, moved=2e-4))])) == []
    assert list(unexpected([exchange(answer(5, 6, moved=4e-3))])) == [
        "again: expected log-probabilities within 3e-04 nats, moved by 4.0e-03"
    ]


def test_tokens_that_no_golden_knows_are_not_judged() -> None:
    assert list(unexpected([exchange(answer(5, 7), expected=None)])) == []


def test_a_prompt_that_is_too_long_is_refused_in_the_documented_way_only() -> None:
    assert list(not_refused(refused(400, "exceed_context_size_error"))) == []
    assert list(not_refused(answer(5))) == ["a prompt that is too long: answered with 1 tokens"]


@pytest.mark.parametrize(
    ("status", "kind"), [(500, "exceed_context_size_error"), (400, "server_error")]
)
def test_any_other_refusal_of_it_is_wrong(status: int, kind: str) -> None:
    assert list(not_refused(refused(status, kind))) == [
        (
            "a prompt that is too long: expected status 400 and `exceed_context_size_error`, "
            f"found {status} and `{kind}`: no"
        )
    ]


def test_an_answer_fills_the_context_to_the_brim() -> None:
    assert list(not_full(CASE, answer(5, 6, 9, truncated=True), context=6)) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(5, 7, 9, truncated=True), "expected tokens [5, 6], found [5, 7]"),
        (answer(5, 6, truncated=True), "expected a context of 6 tokens to be full, found 5"),
        (
            answer(5, 6, 9),
            "expected to stop for `limit`, truncated, found `limit`, not truncated",
        ),
        (
            answer(5, 6, 9, stop="eos", truncated=True),
            "expected to stop for `limit`, truncated, found `eos`, truncated",
        ),
    ],
)
def test_an_answer_that_does_not_is_told_from_one_that_does(
    found: Completion, expected: str
) -> None:
    assert list(not_full(CASE, found, context=6)) == [expected]


def test_answers_given_at_the_same_time_must_not_be_mixed_up() -> None:
    assert list(mixed_up([CASE, OTHER], [answer(5, 6), answer(6, 5)], room=False)) == [
        "case spider: expected tokens [5, 6], found [6, 5]"
    ]


@pytest.mark.parametrize(
    ("reply", "room", "right"),
    [
        (refused(500, "server_error", "Context size has been exceeded."), False, True),
        (refused(500, "server_error", "Context size has been exceeded."), True, False),
        (refused(500, "server_error", "Compute error."), False, False),
        (refused(503, "server_error", "Context size has been exceeded."), False, False),
    ],
)
def test_a_refusal_is_right_for_want_of_room_only(
    reply: EngineRefusedError, room: bool, right: bool
) -> None:
    wrong = f"case capital: refused with {reply.status}, `server_error`: {reply.said}"

    assert list(mixed_up([CASE], [reply], room=room)) == ([] if right else [wrong])
