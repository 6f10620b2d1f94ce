"""Pure. From which drift on a person has to look, and from which on an engine is wrong.

`docs/benchmarks.md` has the measurements behind the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING, Final

from engine_ci.gate.asking import Answer
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine_ci.gate.divergence import Drift, Flip
    from engine_ci.gate.zoo import Model


class Against(StrEnum):
    """What an engine is compared with."""

    REFERENCE = "reference"
    BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How a drift is measured, and what it means.

    Attributes:
        passes, fails: nats up to which it passes, above which it fails; between them it warns.
    """

    measure: Callable[[Drift], float]
    name: str
    passes: float
    fails: float


def _mean(drift: Drift) -> float:
    return drift.mean


def _divergence(drift: Drift) -> float:
    return drift.divergence


# A choice that led by more than this, in nats, is not turned over by any noise.
NEAR_TIE: Final = 0.3

# In whatever mode without flash attention, good builds are 4e-6 to 1.8e-5 from the reference. An
# epsilon of norms that is 1e-6 in place of 1e-5 gives 5.1e-5, a norm that is off by 0.01 % 3.7e-4.
TO_REFERENCE: Final = Scale(measure=_mean, name="mean difference", passes=4e-5, fails=3e-4)
# Good builds are 1.4e-5 to 5.3e-5 away: their GELU is rounded to F16.
TO_REFERENCE_OF_GEMMA: Final = Scale(measure=_mean, name="mean difference", passes=1e-4, fails=3e-4)
# Good builds at equal flags are 0 to 2e-8 apart. Attention that is computed in another way, as with
# flash attention and without it, is 0 to 5.3e-5 away.
TO_BASELINE: Final = Scale(measure=_divergence, name="mean KL", passes=1e-5, fails=1e-3)


def scale(model: Model, against: Against) -> Scale:
    """The one for a model, the same in every mode."""
    if against is Against.BASELINE:
        return TO_BASELINE
    return TO_REFERENCE_OF_GEMMA if model.architecture.startswith("gemma") else TO_REFERENCE


def judge(drifts: Mapping[str, Drift], scale: Scale) -> Answer:
    """Judges the drift of every case.

    Each case weighs the same, so that one which parts at its first step is not lost in the mean.
    """
    moved = fmean(scale.measure(drift) for drift in drifts.values())
    flips = {case: drift.flip for case, drift in drifts.items() if drift.flip}
    steps = sum(drift.steps for drift in drifts.values())
    largest = max(drift.largest for drift in drifts.values())
    return Answer(
        status=_status(moved, flips.values(), scale),
        observed=f"{scale.name} {moved:.1e} nats over {steps} steps; largest {largest:.1e}",
        detail="\n".join(_describe(case, flip) for case, flip in flips.items()),
    )


def _status(moved: float, flips: Iterable[Flip], scale: Scale) -> Status:
    if moved > scale.fails or any(flip.margin > NEAR_TIE for flip in flips):
        return Status.FAIL
    return Status.PASS if moved <= scale.passes else Status.WARN


def _describe(case: str, flip: Flip) -> str:
    return (
        f"case {case} parts at step {flip.step}: expected token {flip.expected}, "
        f"found token {flip.found} (margin {flip.margin:.2f} nats)"
    )
