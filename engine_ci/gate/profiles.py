"""What the suite `performance` asks, and when it has heard enough: as data.

A prompt is all matrix products, whatever the model. Not so generation: a token of the model of 20
million parameters takes 2 ms, and what the server does besides, 0.1 to 0.2 ms more in mineru 0.1.3
than in 0.1.2, reads as 5 % there and as 2 % on one of 100 million or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.gate.speed import Metric
from engine_ci.gate.timing import Question, first_token, generation, prompt

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
        looks: after how many restarts the session is judged; it ends as soon as all is clear.
    """

    questions: tuple[Question, ...]
    looks: tuple[int, ...]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Everything that is measured."""
        return tuple(metric for question in self.questions for metric in question.metrics)


def _generating(model: str, *, prefix: str = "") -> Question:
    return Question(
        model=model,
        prompt_tokens=8,
        tokens=12,
        rounds=_ROUNDS,
        metrics={
            # The wait is short, and half of it is not the engine's; a fifth more would be.
            Metric(name=f"{prefix}first-token", unit="answers", limit=0.8): first_token,
            Metric(name=f"{prefix}generation"): generation,
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


_QUICK: Final = (_reading("performance", tokens=128), _generating("sensitive-wide"))

PROFILES: Final[Mapping[ProfileName, Profile]] = {
    "quick": Profile(questions=_QUICK, looks=(12, 18)),
    "nightly": Profile(
        questions=(
            *_QUICK,
            _reading("smollm2-135m", tokens=128, prefix="real-"),
            _generating("smollm2-135m", prefix="real-"),
        ),
        looks=(24, 48),
    ),
}
