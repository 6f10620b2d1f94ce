"""What the suite `performance` asks, and when it has heard enough: as data.

A prompt is all matrix products, whatever the model. Not so generation: a token of our own models
takes 2 to 3 ms, the wide one's too, and what the server does besides, 0.1 to 0.2 ms more in mineru
0.1.3 than in 0.1.2, reads as 5 % there and as 2 to 4 % on the real one, of 135 million parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from engine_ci.gate.speed import Metric
from engine_ci.gate.streaming import Question, first_token, generation, prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.config import ProfileName

# Few questions to a process and many processes: two processes of one program differ by some per
# cent from start to end.
_ROUNDS: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One way to measure.

    Attributes:
        looks: after how many restarts it is judged; a question that is decided is asked no more.
        screens: it only looks for what is clearly slower, and says nothing for the rest.
    """

    questions: tuple[Question, ...]
    looks: tuple[int, ...]
    screens: bool = False

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Everything that is measured."""
        return tuple(metric for question in self.questions for metric in question.metrics)


def _generating(model: str) -> Question:
    return Question(
        model=model,
        prompt_tokens=4,
        tokens=8,
        rounds=_ROUNDS,
        metrics={
            # The wait is short, and half of it is not the engine's; a fifth more would be.
            Metric(name="first-token", unit="answers", limit=0.8): first_token,
            Metric(name="generation"): generation,
        },
    )


def _reading(model: str, *, tokens: int, prefix: str = "") -> Question:
    return Question(
        model=model,
        prompt_tokens=tokens,
        tokens=1,
        rounds=_ROUNDS,
        metrics={Metric(name=f"{prefix}prompt"): prompt},
    )


_QUICK: Final = (
    _reading("performance", tokens=128),
    _reading("sensitive-wide", tokens=32, prefix="wide-"),
    _generating("smollm2-135m"),
)

# `screen` is for who is measured again before it counts, and so in no configuration.
PROFILES: Final[Mapping[ProfileName | Literal["screen"], Profile]] = {
    "quick": Profile(questions=_QUICK, looks=(12, 16, 24, 48)),
    "nightly": Profile(
        questions=(*_QUICK, _reading("smollm2-135m", tokens=64, prefix="real-")), looks=(24, 60)
    ),
    "screen": Profile(questions=_QUICK, looks=(8,), screens=True),
}
