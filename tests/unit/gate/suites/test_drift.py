from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine_ci.gate import zoo
from engine_ci.gate.asking import Mode, NotAskedError
from engine_ci.gate.context import LocatedModel
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
