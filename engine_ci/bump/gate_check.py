"""Pure. Did the gate pass on the head of a pull request, and if it has not ended, who waits for it?

GitHub merges nothing before a check has passed that the branch requires. So where the gate is
required, an approval that comes before its end is as good as a later one. A job that is skipped
passes too, and only a change of the workflow could have it skipped: such a change has to wait here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.decision import CHECKING_APP, CHECKING_APP_ID, GATE_CHECK
from engine_ci.records.doctor import Answer, Outcome
from engine_ci.system.github_rules import RequiredCheck

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine_ci.system.github_pull import CheckRun

_ID: Final = "review/gate"
_WORKFLOWS: Final = ".github/workflows/"
_REQUIRED: Final = RequiredCheck(name=GATE_CHECK, app=CHECKING_APP_ID)
_AGAIN: Final = "run this job again once it has passed"
_ENDED: Final = "completed"


def has_ended(runs: Collection[CheckRun]) -> bool:
    """Whether there is a result: of several runs the newest counts, as GitHub has it too."""
    run = _newest(runs)
    return run is not None and run.status == _ENDED


def answer(
    runs: Collection[CheckRun],
    *,
    paths: Collection[str] | None,
    branch: str,
    required: Collection[RequiredCheck] | None,
) -> Answer:
    """What the gate says, or why nobody has to wait for it here.

    Args:
        runs: of the gate's check, on the head commit.
        paths: of the files that the pull request changes; None where not all of them are known.
        branch: that it is for.
        required: the checks which that branch requires; None where they are not shown.
    """
    run = _newest(runs)
    if run is None or run.status != _ENDED:
        state = f"{GATE_CHECK} has not ended ({run.status if run else 'it did not begin'})"
        return _unended(state, paths=paths, branch=branch, required=required)
    if run.conclusion == "success":
        return Answer(id=_ID, outcome=Outcome.OK, observed="passed on this commit")
    found = f"expected the check {GATE_CHECK} to be a success, found: {run.conclusion}"
    return _fails(found, hint=_AGAIN)


def _unended(
    state: str,
    *,
    paths: Collection[str] | None,
    branch: str,
    required: Collection[RequiredCheck] | None,
) -> Answer:
    if paths is None or any(path.startswith(_WORKFLOWS) for path in paths):
        return _fails(f"{state}, and this may change how it ends", hint=_AGAIN)
    if required is None:
        return _fails(f"{state}, and whether {branch} requires it is not shown", hint=_AGAIN)
    if _REQUIRED not in required:
        return _fails(
            f"{state}, and {branch} does not require it from the app {CHECKING_APP}",
            hint=f"{_AGAIN}, or require it there: then an approval need not wait for it",
        )
    observed = f"{state}: GitHub waits for it, since {branch} requires it"
    return Answer(id=_ID, outcome=Outcome.OK, observed=observed)


def _fails(observed: str, *, hint: str) -> Answer:
    return Answer(id=_ID, outcome=Outcome.FAIL, observed=observed, hint=hint)


def _newest(runs: Collection[CheckRun]) -> CheckRun | None:
    return max(filter(_is_gate, runs), key=lambda each: each.id, default=None)


def _is_gate(run: CheckRun) -> bool:
    by = run.app.slug if run.app else None
    return (run.name, by) == (GATE_CHECK, CHECKING_APP)
