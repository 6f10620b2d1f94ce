from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine_ci.errors import GoldenError
from engine_ci.gate import goldens, zoo
from engine_ci.gate.goldens import Case, Chat, Golden, Message

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "0" * 64
SURE = goldens.step([(3, -0.01), (4, -7.5), (9, -8.0)])
EVEN = goldens.step([(3, -0.7), (4, -0.7)])

logprobs = st.floats(-60, 0)
tops = st.lists(logprobs, min_size=2, max_size=20).map(
    lambda values: list(enumerate(sorted(values, reverse=True)))
)


def golden(**changes: Any) -> Golden:  # noqa: ANN401 - the fields of a Golden
    case = Case(id="one", prompt=(1, 2), stop="eos", steps=(SURE, SURE))
    values = {"model": "tiny", "sha256": SHA256, "margin_floor": 2, "cases": (case,)}
    return Golden(schema=1, **{**values, **changes})


@given(top=tops)
def test_a_step_says_how_far_its_token_leads(top: list[tuple[int, float]]) -> None:
    step = goldens.step(top)

    assert step.token == 0
    assert step.margin == pytest.approx(top[0][1] - top[1][1], abs=2e-6)
    assert len(step.top) == len(top)


def test_a_step_is_rounded_and_has_no_negative_zero() -> None:
    step = goldens.step([(7, -1e-9), (8, -20.12345678)])

    assert json.dumps(step.logprob) == "0.0"
    assert step.top[1] == (8, -20.123457)


def test_a_log_probability_that_rounding_lifted_above_zero_is_zero() -> None:
    assert goldens.step([(7, 1e-7), (8, -20)]).logprob == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"token": 4}, "token 4 is not the first of `top`"),
        ({"margin": 3.0}, "margin 3.0 is not the lead"),
        ({"top": ((4, -7.5), (3, -0.01))}, "`top` is not sorted"),
        ({"logprob": 0.5}, "less than or equal to 0"),
        ({"top": ((3, -0.01),)}, "at least 2 items"),
    ],
)
def test_a_step_that_contradicts_itself_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        goldens.Step.model_validate({**SURE.model_dump(), **change})


def test_a_case_gives_its_generated_tokens() -> None:
    assert golden().case("one").tokens == (3, 3)


def test_a_case_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="two"):
        golden().case("two")


def test_a_margin_under_the_floor_is_refused_with_case_and_step() -> None:
    thin = Case(id="thin", prompt=(1,), stop="limit", steps=(SURE, EVEN))

    with pytest.raises(
        ValidationError, match=r"case thin, step 1: the margin is 0.0 nats, expected at least 2"
    ):
        golden(cases=(thin,))


def test_without_a_floor_any_margin_will_do() -> None:
    even = Case(id="even", prompt=(1,), stop="limit", steps=(EVEN,))

    assert golden(cases=(even,), margin_floor=0).cases == (even,)


def test_two_cases_of_one_id_are_refused() -> None:
    case = golden().cases[0]

    with pytest.raises(ValidationError, match="two cases have the same id"):
        golden(cases=(case, case))


def test_a_chat_without_its_case_is_refused() -> None:
    chat = Chat(id="two", messages=(Message(role="user", content="?"),), prompt="?", answer="!")

    with pytest.raises(ValidationError, match="chats without a case: two"):
        golden(chats=(chat,))


def test_what_is_dumped_is_loaded_again(tmp_path: Path) -> None:
    chat = Chat(id="one", messages=(Message(role="user", content="é?"),), prompt="p", answer="a")
    whole = golden(chats=(chat,))
    (tmp_path / "golden.json").write_text(goldens.dump(whole), encoding="utf-8")

    assert goldens.load(tmp_path / "golden.json") == whole


def test_a_dump_has_a_line_for_each_step() -> None:
    lines = goldens.dump(golden()).splitlines()

    steps = [line for line in lines if '"margin"' in line]
    assert len(steps) == 2
    assert json.loads(steps[0].rstrip(",")) == json.loads(SURE.model_dump_json())


def test_a_golden_that_does_not_fit_names_the_file_and_the_key(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    path.write_text(goldens.dump(golden()).replace('"sha256"', '"hash"'), encoding="utf-8")

    with pytest.raises(GoldenError, match=r"golden.json: `sha256`: missing; `hash`: unknown key"):
        goldens.load(path)


GENERATING = [
    path
    for path in zoo.golden_folder().glob("*.json")
    if not path.stem.startswith(("embedding", "projector"))
]


@pytest.mark.parametrize("path", sorted(GENERATING), ids=lambda p: p.stem)
def test_the_committed_goldens_are_dumps_of_themselves(path: Path) -> None:
    assert goldens.dump(goldens.load(path)) == path.read_text(encoding="utf-8")
