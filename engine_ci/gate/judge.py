"""Pure. The gate's word on everything that was asked, and the exit code that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.errors import Exit
from engine_ci.records.gate import Check, Measurement, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EXIT_CODES: Final[Mapping[Verdict, Exit]] = {
    Verdict.PASS: Exit.OK,
    Verdict.FAIL: Exit.GATE_SAYS_NO,
    Verdict.ERROR: Exit.OUTSIDE,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
}


def judge(
    checks: Collection[Check], measurements: Collection[Measurement], *, compared: bool
) -> Verdict:
    """The verdict, the worst that was found: `fail`, `error`, `inconclusive`, `pass`.

    Args:
        checks: a skipped one counts as not asked, and where nothing was asked nothing passes.
        measurements: of speed, where it was measured.
        compared: whether there was a baseline; without one, the best is `inconclusive`.
    """
    if any(is_fatal(check) for check in checks):
        return Verdict.FAIL
    statuses = {check.status for check in checks}
    if statuses <= {Status.SKIP} or Status.ERROR in statuses:
        return Verdict.ERROR
    told = all(measurement.verdict != "inconclusive" for measurement in measurements)
    return Verdict.PASS if compared and told else Verdict.INCONCLUSIVE


def is_fatal(check: Check) -> bool:
    """Whether this check alone fails the gate."""
    return check.blocking and check.status is Status.FAIL
