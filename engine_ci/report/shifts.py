"""Pure. Where speed has moved from build to build, beyond what noise explains.

Each build was measured against the one before it, so a chain of builds is a chain of independent
steps, and where nothing moved the sum over any stretch of them lies around 0. Every stretch is held
against that: a single build that moved shows in its own step, and a drift of many small ones shows
in the sum of all of them, though in no single one.

Who looks at all stretches finds something in noise sooner or later, so they share the doubt:
stretches of `n` steps get 1 / (n (n + 1)) of it, which adds up to 1 over all lengths, and share it
equally. By Bonferroni's inequality a chain without a move shows one at most as often as `doubt`
says, however its stretches depend on each other. What is found is taken out, and what is left on
either side of it is looked at again, with the same thresholds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# How often a chain without any move is said to have one.
DOUBT: Final = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A build against the one before it: the logarithm of their ratio, and its standard error."""

    size: float
    sigma: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """Steps `first` to `last`, the latter included, that moved together by the factor `ratio`."""

    first: int
    last: int
    ratio: float


def find(steps: Sequence[Step], *, doubt: float = DOUBT) -> tuple[Shift, ...]:
    """The moves, in order; none overlaps another."""
    if not steps:
        return ()
    excess = _evidence(steps) - _thresholds(len(steps), doubt)
    return tuple(
        Shift(first=first, last=last, ratio=math.exp(sum(step.size for step in moved)))
        for first, last in _split(excess, 0, len(steps))
        if (moved := steps[first : last + 1])
    )


def _split(excess: NDArray[np.float64], begin: int, end: int) -> list[tuple[int, int]]:
    """The clearest stretch within `begin` to `end`, and those on either side of it."""
    here = excess[begin:end, begin:end]
    if here.size == 0 or here.max() <= 0:
        return []
    first, last = (begin + int(at) for at in divmod(int(here.argmax()), end - begin))
    return [*_split(excess, begin, first), (first, last), *_split(excess, last + 1, end)]


def _evidence(steps: Sequence[Step]) -> NDArray[np.float64]:
    """By the first and the last step of a stretch: how many of its standard errors it moved.

    -inf where the last would come before the first.
    """
    moved = np.abs(_sums([step.size for step in steps]))
    variance = _sums([step.sigma**2 for step in steps])
    stretches = np.tri(len(steps), dtype=bool).T
    found: NDArray[np.float64] = np.full(stretches.shape, -np.inf, dtype=np.float64)
    found[stretches] = moved[stretches] / np.sqrt(variance[stretches])
    return found


def _sums(values: Sequence[float]) -> NDArray[np.float64]:
    """Of each stretch, by its first and its last step."""
    before = np.cumsum([0.0, *values])
    return np.asarray(before[None, 1:] - before[:-1, None], dtype=np.float64)


def _thresholds(count: int, doubt: float) -> NDArray[np.float64]:
    """By the first and the last step of a stretch: how many standard errors it has to exceed."""
    shares = ((length, doubt / (length * (length + 1))) for length in range(1, count + 1))
    # A stretch may move either way, so each gets half of its share for both.
    by_length = [
        -NormalDist().inv_cdf(share / (count - length + 1) / 2) for length, share in shares
    ]
    first, last = np.indices((count, count))
    limits: NDArray[np.float64] = np.take(by_length, np.clip(last - first, 0, None))
    return limits
