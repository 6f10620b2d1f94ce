from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import pytest

from engine_ci.engine.adapters.options import SHIFTS
from engine_ci.engine.client import Completion, Step
from engine_ci.gate import goldens, reference, zoo
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.pressing import shift

if TYPE_CHECKING:
    from engine_ci.engine.client import Client

CONTEXT: Final = 256
MODEL: Final = zoo.data_root() / "fixtures" / "zoo" / "sensitive.gguf"
CASE: Final = goldens.load(zoo.golden_folder() / "sensitive.json").case("random-600")


class Forgetful:
    """Says a word again and again, as likely as the reference finds it that keeps so many."""

    def __init__(self, *, word: int, keeps: int | None = None, off: float = 0.0) -> None:
        self._word = word
        self._keeps = keeps
        self._off = off

    def complete(self, prompt: tuple[int, ...], *, count: int, top: int, keep: int) -> Completion:
        assert top == 1
        tokens = (self._word,) * count
        kept = keep if self._keeps is None else self._keeps
        text = prompt + ((0,) if self._word > 350 else tokens)
        rows = reference.overflowing(reference.load(MODEL), text, context=CONTEXT, keep=kept)
        likely = [float(row[min(self._word, 350)]) + self._off for row in rows[len(prompt) - 1 :]]
        return Completion(
            tokens=tokens,
            text="",
            stop="limit",
            steps=tuple(
                Step(token=self._word, logprob=logprob, top=()) for logprob in likely[: len(tokens)]
            ),
        )


def told(client: Forgetful, *, offered: frozenset[str] = frozenset({SHIFTS})) -> list[str]:
    return list(shift(CASE, CONTEXT, MODEL, lambda: offered, cast("Client", client)))


def test_an_engine_that_forgets_as_it_should_has_no_difference() -> None:
    assert told(Forgetful(word=80)) == []


@pytest.mark.parametrize(
    "engine",
    [Forgetful(word=80, keeps=159), Forgetful(word=80, off=1e-3)],
    ids=["keeps-one-less", "says-more"],
)
def test_one_that_forgets_otherwise_is_told_how_far_it_went_astray(engine: Forgetful) -> None:
    (difference,) = told(engine)

    assert difference.startswith("past the context: expected log-probabilities within 3e-04 nats")


def test_tokens_that_no_model_has_are_not_looked_up() -> None:
    assert told(Forgetful(word=10**6)) == ["expected token IDs under 355, found 1000000"]


def test_a_build_that_cannot_forget_is_not_asked_to() -> None:
    with pytest.raises(NotAskedError, match="this build has no --context-shift"):
        told(Forgetful(word=80), offered=frozenset())
