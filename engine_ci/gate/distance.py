"""Pure. How far two vectors of one text are apart, and what a distance means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.errors import EngineAnswerError
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    Vector = Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Up to which distance it passes, above which it fails; between them it warns."""

    passes: float
    fails: float

    def status(self, largest: float) -> Status:
        """What a largest difference of a component means."""
        if largest > self.fails:
            return Status.FAIL
        return Status.PASS if largest <= self.passes else Status.WARN


# Good builds are 1.6e-6 at most from the reference; a matrix that is off by 0.1 % gives 8e-5 and
# more. Builds at equal flags are 0 to 2e-6 apart, and 1.8e-3 where one takes the queries of
# attention one at a time.
TO_REFERENCE: Final = Scale(passes=1e-5, fails=3e-5)
TO_BASELINE: Final = Scale(passes=1e-5, fails=5e-3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """Of two vectors, both brought to length 1.

    Attributes:
        largest: absolute difference of a component.
        angle: 1 minus the cosine; of two that differ in one component, about half its square.
    """

    largest: float
    angle: float


def distance(expected: Vector, found: Vector) -> Distance:
    """How far one vector is from another.

    Raises:
        EngineAnswerError: they differ in how many components they have, or one has no direction.
    """
    if len(expected) != len(found):
        raise EngineAnswerError(f"expected {len(expected)} components, found {len(found)}")
    one, other = _unit(expected), _unit(found)
    return Distance(
        largest=float(np.abs(one - other).max()), angle=max(0.0, 1 - float(one @ other))
    )


def length(vector: Vector) -> float:
    """Of a vector, as the root of its squares."""
    return float(np.linalg.norm(vector))


def _unit(vector: Vector) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    size = length(vector)
    if not size:
        raise EngineAnswerError("a vector of zeros has no direction")
    return np.asarray(vector, dtype=np.float64) / size
