"""Pure. What a comparison of speeds says, as checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.gate import speed
from engine_ci.gate.schedule import Role
from engine_ci.records.gate import SPEED, Check, FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine_ci.config import PerformancePolicy
    from engine_ci.errors import EngineError
    from engine_ci.gate.speed import Comparison, Metric, Samples
    from engine_ci.records.gate import Measurement

# Becoming ready takes so little that only a multiple, seen in every restart, is a regression.
SLOW_START: Final = 2.0

_STATUSES: Final = {
    "ok": Status.PASS,
    "improved": Status.PASS,
    "inconclusive": Status.WARN,
    "regressed": Status.FAIL,
}


def skipped(metric: Metric, reason: str) -> Check:
    """A metric that was not compared."""
    return _check(
        metric.name, Status.SKIP, expected="not slower than the baseline", observed=reason
    )


def broken(error: EngineError) -> Check:
    """The candidate did not start, died or answered wrongly while speed was measured."""
    return _check(
        "answers",
        Status.FAIL,
        fault_class=FaultClass.CRASH_RUNTIME,
        expected="every question is answered",
        observed=str(error),
        detail="\n".join(error.log),
    )


def screened(samples: Samples, comparison: Comparison) -> Check:
    """A metric that is not clearly slower, of which no more was asked."""
    found = comparison.measurement
    bounds = _bounds(found.ratio, found.low, found.high)
    reason = f"not clearly slower: {bounds} after {found.restarts} restarts, which prove no more"
    return skipped(samples.metric, reason)


def compared(samples: Samples, comparison: Comparison) -> Check:
    """One metric, measured to the end."""
    found = comparison.measurement
    unsure = found.verdict == "inconclusive" and not comparison.fit
    return _check(
        samples.metric.name,
        _STATUSES[found.verdict],
        expected=f"upper bound of the ratio at least {comparison.limit:g}",
        observed=f"{_bounds(found.ratio, found.low, found.high)}, {found.verdict}"
        + (": the host is unfit to tell" if unsure else ""),
        detail=f"{_typical(samples)}; {found.pairs} pairs over {found.restarts} restarts",
    )


def collapse(samples: Samples) -> Iterator[Check | Measurement]:
    """One metric of a session that ended early because a metric collapsed."""
    if not speed.has_collapsed(samples):
        yield skipped(samples.metric, "not measured to the end: another metric has collapsed")
        return
    measurement = speed.collapse(samples)
    yield measurement
    yield _check(
        samples.metric.name,
        Status.FAIL,
        expected=f"at least {speed.COLLAPSED:g} of the baseline's speed in some pair",
        observed=f"{measurement.ratio:.3f}, at most {measurement.high:.3f} in any pair",
        detail=f"{_typical(samples)}; stopped after {measurement.pairs} pairs",
    )


def start(started: Sequence[Mapping[Role, float]]) -> Check:
    """How long it took until the engines were ready, in seconds, for each restart."""
    candidate = np.array([seconds[Role.CANDIDATE] for seconds in started])
    baseline = np.array([seconds[Role.BASELINE] for seconds in started])
    slow = np.all(candidate >= SLOW_START * baseline)
    return _check(
        "start",
        Status.FAIL if slow else Status.PASS,
        fault_class=FaultClass.LOAD_TIME,
        expected=f"ready in less than {SLOW_START:g} times the baseline's time in some restart",
        observed=f"{np.median(candidate):.2f} s, baseline {np.median(baseline):.2f} s (medians)",
    )


def floors(
    every: Sequence[Samples], policy: PerformancePolicy, *, runner: str | None
) -> Iterator[Check]:
    """Whether medians stay above the absolute floors of a runner, in tokens per second."""
    if policy.floors and runner not in policy.floors:
        yield _check(
            "floors",
            Status.SKIP,
            expected=f"a runner with floors: {', '.join(sorted(policy.floors))}",
            observed=f"runner {runner} has none" if runner else "no runner was named",
        )
    floors = policy.floors.get(runner or "", {})
    for samples in every:
        if least := floors.get(samples.metric.name):
            found = samples.typical(Role.CANDIDATE)
            yield _check(
                f"{samples.metric.name}/floor",
                Status.PASS if found >= least else Status.FAIL,
                expected=f"at least {least:g} tokens/s",
                observed=f"{found:.0f} tokens/s, median of {samples.speeds[Role.CANDIDATE].size}",
            )


def host(comparisons: Sequence[Comparison], *, seed: int, waited: float | None) -> Check:
    """Whether the host was quiet enough; not the engine's fault, so it blocks nothing.

    `waited` is the share of the clock's time that is left out, where the system tells.
    """
    clock = "by the clock: this system does not tell how long threads wait for a core"
    if waited is not None:
        clock = f"{waited:.0%} of the clock's time is left out: threads waited for a core"
    fit = all(comparison.fit for comparison in comparisons)
    return _check(
        "host",
        Status.PASS if fit else Status.WARN,
        blocking=False,
        fault_class=FaultClass.HARNESS,
        expected=(
            f"the baseline against itself: bounds within {speed.CONTROL_BOUND:.0%} or its limit, "
            f"and not beyond doubt {speed.CONTROL_CENTRE:.0%} off"
        ),
        observed="; ".join(_control(comparison) for comparison in comparisons),
        detail=f"{clock}; the order of the questions comes from seed {seed}",
    )


def _control(comparison: Comparison) -> str:
    control = comparison.control
    bounds = _bounds(control.estimate, control.low, control.high)
    return f"{comparison.measurement.metric} {bounds}, a pair's sigma {comparison.sigma:.3f}"


def _bounds(ratio: float, low: float, high: float) -> str:
    return f"{ratio:.3f} ({low:.3f} to {high:.3f})"


def _typical(samples: Samples) -> str:
    candidate, baseline = samples.typical(Role.CANDIDATE), samples.typical(Role.BASELINE)
    if samples.metric.unit == "answers":
        return f"{1000 / candidate:.1f} ms, baseline {1000 / baseline:.1f} (medians)"
    return f"{candidate:.0f} tokens/s, baseline {baseline:.0f} (medians)"


def _check(
    name: str,
    status: Status,
    *,
    expected: str,
    observed: str,
    detail: str = "",
    blocking: bool = True,
    fault_class: FaultClass = FaultClass.PERFORMANCE,
) -> Check:
    return Check(
        id=f"{SPEED}/{name}",
        suite=SPEED,
        status=status,
        blocking=blocking,
        fault_class=fault_class,
        expected=expected,
        observed=observed,
        detail=detail,
    )
