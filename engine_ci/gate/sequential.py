"""Pure. When a question of the suite `performance` has been asked often enough.

A session is looked at several times. Who looks often may err often, so the looks share the doubt
that the config allows: half of it goes to the first, half of what is left to each further one, and
the last takes the rest. A quiet host is done early; a busy one takes longer before it is said to
be unfit, and only for the questions that are still open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.gate import statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.gate.speed import Comparison


def looks(restarts: Sequence[int], *, confidence: float) -> dict[int, float]:
    """After how many restarts to look, and the confidence that this look must keep.

    Args:
        restarts: rising; a look that could never reach its confidence comes later.
        confidence: that all looks together keep.
    """
    kept = [1 - (1 - confidence) * share for share in _shares(len(restarts))]
    return {
        max(count, statistics.least_count(each)): each
        for count, each in zip(restarts, kept, strict=True)
    }


def _shares(count: int) -> list[float]:
    halves = [2.0**-number for number in range(1, count)]
    return [*halves, 1 - sum(halves)]


def is_decided(comparisons: Iterable[Comparison], *, first: bool) -> bool:
    """Whether more restarts are not worth their time.

    The first look ends only what more restarts would hardly change: a candidate that has regressed,
    or has been shown to be fast enough. A later one ends whatever has a verdict.
    """
    return all(_is_clear(each) if first else _has_verdict(each) for each in comparisons)


def _has_verdict(comparison: Comparison) -> bool:
    return comparison.measurement.verdict != "inconclusive"


def _is_clear(comparison: Comparison) -> bool:
    found = comparison.measurement
    fast_enough = _has_verdict(comparison) and found.low >= comparison.limit
    return found.verdict == "regressed" or fast_enough
