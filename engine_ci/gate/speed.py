"""Pure. Whether the candidate is slower than the baseline, from speeds that were measured in turn.

What is judged is one value per restart: the median of its pairs' log-ratios. Pairs of one restart
share a process, and with it the luck of its address layout; two processes of one binary were seen
2.8 % apart. At a true ratio of just the limit, 48 pairs over 12 restarts judged as 48 independent
values fail in 2 to 7 % of runs where 1 % was promised, judged as 12 medians in at most 1 %. A
median, because other work on the host makes outliers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from engine_ci.gate import statistics
from engine_ci.gate.schedule import Role
from engine_ci.records.gate import Measurement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from engine_ci.gate.statistics import Shift

Verdict = Literal["ok", "regressed", "improved", "inconclusive"]

# Slower than this in every one of so many pairs is no noise, whatever the host does.
COLLAPSED: Final = 0.5
COLLAPSED_PAIRS: Final = 5

# The same program against itself: wider bounds would hide a slowdown of 15 %, where the limit is
# not wider still, and a centre that is further off, though its bounds say that this is no accident,
# means that the host plays favourites.
CONTROL_BOUND: Final = 0.08
CONTROL_CENTRE: Final = 0.02

# A candidate whose lower bound is further below the limit has not been shown to be fast enough.
UNPROVEN: Final = 0.07


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One thing that is timed.

    Attributes:
        unit: of its speeds: how many tokens, or whole answers, in a second.
        limit: the ratio below which it has regressed, where it is not the config's.
    """

    name: str
    unit: Literal["tokens", "answers"] = "tokens"
    limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Samples:
    """One metric's speeds, by role: an array of (restarts, rounds), per second."""

    metric: Metric
    speeds: Mapping[Role, NDArray[np.float64]]

    def log_ratios(self, role: Role) -> NDArray[np.float64]:
        """Of `role` over the baseline, one for each pair: (restarts, rounds)."""
        return np.log(self.speeds[role] / self.speeds[Role.BASELINE])

    def typical(self, role: Role) -> float:
        """The median speed, per second."""
        return float(np.median(self.speeds[role]))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the samples say.

    Attributes:
        limit: the ratio below which it would have regressed.
        control: the baseline's program against itself, as ratio.
        sigma: of one pair of the control, as log-ratio.
    """

    measurement: Measurement
    limit: float
    control: Shift
    sigma: float

    @property
    def fit(self) -> bool:
        """Whether the host was quiet enough to tell."""
        return is_fit(self.control, limit=self.limit)


def compare(samples: Samples, *, limit: float, confidence: float) -> Comparison:
    """Judges one metric.

    Args:
        samples: its speeds.
        limit: the ratio below which it has regressed, where the metric has none of its own.
        confidence: of each bound.

    Raises:
        ValueError: there are too few restarts for the confidence.
    """
    limit = samples.metric.limit or limit
    candidate = ratio(samples.log_ratios(Role.CANDIDATE), confidence=confidence)
    control_pairs = samples.log_ratios(Role.CONTROL)
    control = ratio(control_pairs, confidence=confidence)
    verdict = judge(candidate, control=control, limit=limit)
    return Comparison(
        measurement=_measurement(samples, candidate, verdict, limit=limit),
        limit=limit,
        control=control,
        sigma=float(np.std(control_pairs, ddof=1)),
    )


def ratio(pairs: NDArray[np.float64], *, confidence: float) -> Shift:
    """The ratio of two speeds and its bounds, from log-ratios of (restarts, rounds)."""
    shift = statistics.shift(np.median(pairs, axis=1), confidence=confidence)
    return statistics.Shift(
        estimate=math.exp(shift.estimate), low=math.exp(shift.low), high=math.exp(shift.high)
    )


def judge(candidate: Shift, *, control: Shift, limit: float) -> Verdict:
    """The verdict on two ratios to the baseline's speed, the candidate's and its own.

    On an unfit host, only what is slower than the limit below the worst that the host does to the
    baseline itself has regressed; all else is inconclusive.
    """
    fit = is_fit(control, limit=limit)
    if candidate.high < limit * (1 if fit else min(1, control.low)):
        return "regressed"
    if not fit:
        return "inconclusive"
    if candidate.low > 1 / limit:
        return "improved"
    return "ok" if candidate.low >= limit - UNPROVEN else "inconclusive"


def is_fit(control: Shift, *, limit: float) -> bool:
    """Whether the same program against itself came out equal, and narrowly enough for the limit."""
    bound = max(CONTROL_BOUND, 1 - limit)
    narrow = control.low >= 1 - bound and control.high <= 1 + bound
    even = abs(control.estimate - 1) <= CONTROL_CENTRE or control.low <= 1 <= control.high
    return narrow and even


def has_collapsed(samples: Samples) -> bool:
    """Whether every pair, of enough of them, has the candidate at less than half the speed."""
    pairs = samples.log_ratios(Role.CANDIDATE)
    return pairs.size >= COLLAPSED_PAIRS and bool(np.all(pairs < math.log(COLLAPSED)))


def collapse(samples: Samples) -> Measurement:
    """The measurement of a collapse, seen before there were restarts enough for bounds.

    `low` and `high` are the extremes of the pairs.
    """
    ratios = np.exp(samples.log_ratios(Role.CANDIDATE))
    extremes = statistics.Shift(
        estimate=float(np.median(ratios)), low=float(ratios.min()), high=float(ratios.max())
    )
    return _measurement(samples, extremes, "regressed", limit=COLLAPSED)


def _measurement(samples: Samples, found: Shift, verdict: Verdict, *, limit: float) -> Measurement:
    restarts, rounds = samples.speeds[Role.BASELINE].shape
    return Measurement(
        metric=samples.metric.name,
        ratio=round(found.estimate, 4),
        low=round(found.low, 4),
        high=round(found.high, 4),
        pairs=restarts * rounds,
        restarts=restarts,
        verdict=verdict,
        limit=limit,
        samples=tuple(
            tuple(map(float, restart))
            for restart in np.exp(samples.log_ratios(Role.CANDIDATE)).round(4)
        ),
    )
