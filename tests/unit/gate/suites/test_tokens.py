from __future__ import annotations

import math

import pytest

from engine_ci.engine.client import Completion
from engine_ci.gate import goldens
from engine_ci.gate.goldens import Case
from engine_ci.gate.modes import Exchange
from engine_ci.gate.suites.tokens import difference, judge
from engine_ci.records.gate import Margins, Status

STEPS = tuple(goldens.step([(token, math.log(0.9)), (0, math.log(0.05))]) for token in (5, 6, 7))
CASE = Case(id="capital", prompt=(1,), stop="eos", steps=STEPS)


def exchange(*tokens: int, amiss: tuple[str, ...] = ()) -> Exchange:
    return Exchange(what="capital", case=CASE, found=answer(*tokens), amiss=amiss)


def answer(*tokens: int, stop: str = "eos") -> Completion:
    return Completion(tokens=tokens, text="", stop=stop, steps=())


def test_the_golden_tokens_pass() -> None:
    found = judge([exchange(5, 6, 7)])

    assert (found.status, found.observed) == (Status.PASS, "the same in all 1 answers")
    assert found.margins == Margins(margin=2.89)


def test_another_token_fails_and_the_detail_says_where() -> None:
    found = judge([exchange(5, 9, 7)])

    assert (found.status, found.observed) == (Status.FAIL, "1 of 1 answers differ")
    assert found.margins == Margins(margin=2.89)
    assert found.detail == (
        "case capital, step 1: expected token 6, found token 9 (golden margin 2.89 nats)"
    )


def test_the_right_tokens_in_the_wrong_way_fail_too() -> None:
    found = judge([exchange(5, 6, 7, amiss=("evaluated too much", "and late")), exchange(5, 6, 7)])

    assert (found.status, found.observed) == (Status.FAIL, "1 of 2 answers differ")
    assert found.detail == "evaluated too much\nand late"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            answer(5, 6),
            "case capital, step 2: expected token 7, found the end (golden margin 2.89 nats)",
        ),
        (answer(5, 6, 7, 8), "case capital, step 3: expected the end, found token 8"),
        (
            answer(5, 6, 7, stop="limit"),
            "case capital: expected to stop for `eos`, stopped for `limit`",
        ),
    ],
)
def test_an_answer_that_ends_otherwise_differs(found: Completion, expected: str) -> None:
    assert difference(CASE, found) == expected
