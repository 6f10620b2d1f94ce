from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.client import Completion, Step
from engine_ci.gate import asking, scales, zoo
from engine_ci.gate.asking import Mode
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.context import LocatedModel
from engine_ci.gate.modes import Exchange
from engine_ci.gate.suites import drift
from engine_ci.gate.suites.drift import name_suspects
from engine_ci.records.gate import Status
from tests.unit.gate.contexts import context

if TYPE_CHECKING:
    from engine_ci.gate.context import Context

MODELS = ("sensitive", "sensitive-qwen3", "sensitive-gemma2", "sensitive-mamba2")
STRICT = {(model, Mode.STRICT): False for model in MODELS}


@pytest.fixture
def given() -> Context:
    root = zoo.data_root()
    files = {
        model.name: LocatedModel(model=model, path=root / "fixtures" / "zoo" / f"{model.name}.gguf")
        for model in zoo.load_catalogue()
        if model.name in MODELS
    }
    return replace(context(models=()), models=files, goldens=zoo.golden_folder())


def test_without_a_sensitive_model_there_is_nobody_to_suspect() -> None:
    (check,) = drift.run(context(models=()))

    assert (check.id, check.status) == ("drift/suspect", Status.SKIP)


def test_nothing_is_concluded_from_nothing(given: Context) -> None:
    with pytest.raises(NotAskedError, match="no other check"):
        name_suspects(given, {})


def test_nobody_is_suspected_when_nothing_moved(given: Context) -> None:
    found = name_suspects(given, STRICT)

    assert (found.status, found.observed) == (Status.PASS, "none in 4 models and modes")


def test_the_operation_that_what_moved_has_in_common_is_named_and_does_not_fail_the_gate(
    given: Context,
) -> None:
    found = name_suspects(given, STRICT | {("sensitive-gemma2", Mode.STRICT): True})

    assert found.status is Status.WARN
    assert found.observed.startswith("suspect: sliding window or soft caps or ")
    assert found.observed.endswith(" (1 of 1 models and modes that need it have moved)")
    assert found.detail == "moved: sensitive-gemma2 in strict"


def test_prompts_past_1000_tokens_are_told_from_the_models_that_are_asked_them(
    given: Context,
) -> None:
    moved = {pair: pair[0] != "sensitive-qwen3" for pair in STRICT}

    found = name_suspects(given, moved)

    assert found.observed.startswith("suspect: more than 1,000 tokens (3 of 3 ")


def test_what_was_judged_is_kept_position_by_position(given: Context) -> None:
    located = given.models["sensitive"]
    case = asking.golden(given, located).cases[0]
    steps = tuple(Step(token=s.token, logprob=s.logprob, top=s.top) for s in case.steps)
    found = Completion(tokens=case.tokens, text="", stop=case.stop, steps=steps)
    exchange = Exchange(what=case.id, case=case, found=found)
    judged_by = scales.scales(located.model, scales.Against.REFERENCE)

    answer = drift._judged(lambda: [exchange], lambda: [case.steps], judged_by)

    assert answer.status is Status.PASS
    assert answer.margins is not None
    assert answer.margins.positions == (0.0,) * len(case.steps)
    assert answer.margins.margin == scales.rounded(min(step.margin for step in case.steps))


def test_of_an_answer_that_was_given_in_the_wrong_way_no_distance_is_kept(given: Context) -> None:
    case = asking.golden(given, given.models["sensitive"]).cases[0]
    found = Completion(tokens=case.tokens, text="", stop=case.stop, steps=())
    exchange = Exchange(what=case.id, case=case, found=found, amiss=("evaluated too much",))

    assert drift._judged(lambda: [exchange], lambda: [case.steps], ()).margins is None
