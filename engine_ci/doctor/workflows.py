"""Pure. Questions about workflows: may they propose, may they do more, and does the clock run?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from engine_ci.doctor.unseen import ask_with, unseen
from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from engine_ci.system.github_workflows import Rights, Schedule

# The workflow that looks for newer engines by the clock.
BUMP_WORKFLOW: Final = ".github/workflows/engine-bump.yml"
_USUAL: Final = "actions/token"
_PROPOSES: Final = "actions/proposes"
_ENABLED: Final = "schedule/enabled"
_LAST_RUN: Final = "schedule/last-run"
QUESTIONS: Final = (_USUAL, _PROPOSES, _ENABLED, _LAST_RUN)

_PLACE: Final = "Settings → Actions → General → Workflow permissions"
_SET: Final = "gh api -X PUT repos/{owner}/{repo}/actions/permissions/workflow"
_ENABLE: Final = (
    "Actions → engine-bump → Enable workflow, or "
    "`gh api -X PUT repos/{owner}/{repo}/actions/workflows/engine-bump.yml/enable`"
)
# So many polls without a run, and the clock stands still.
_POLLS: Final = 2


def judged(
    rights: Rights | None,
    schedule: Schedule | Literal["absent"] | None,
    *,
    poll: timedelta,
    now: datetime,
) -> Iterator[Answer]:
    """Every question here, in their order."""
    yield token(rights)
    yield proposes(rights)
    yield enabled(schedule)
    yield last_run(schedule, poll=poll, now=now)


def token(rights: Rights | None) -> Answer:
    """What the token of a workflow may do where the workflow does not say."""
    if rights is None:
        return unseen(_USUAL, "not shown to this token")
    if rights.usual == "read":
        return Answer(id=_USUAL, outcome=Outcome.OK, observed="reads by default")
    return Answer(
        id=_USUAL,
        outcome=Outcome.WARN,
        observed="may write by default",
        hint=f"{_PLACE}: “Read repository contents”, or `{_SET} "
        "-f default_workflow_permissions=read`: ours ask for what they need",
    )


def proposes(rights: Rights | None) -> Answer:
    """Whether the token of a workflow may open the pull request."""
    if rights is None:
        return unseen(_PROPOSES, "not shown to this token")
    if rights.proposes:
        return Answer(id=_PROPOSES, outcome=Outcome.OK, observed="may open pull requests")
    return Answer(
        id=_PROPOSES,
        outcome=Outcome.WARN,
        observed="may not open pull requests; a GitHub App's token may",
        hint=f"{_PLACE}: “Allow GitHub Actions to create and approve pull requests”, or `{_SET} "
        "-F can_approve_pull_request_reviews=true`",
    )


def enabled(schedule: Schedule | Literal["absent"] | None) -> Answer:
    """Whether the clock may start the workflow; GitHub disables it after 60 quiet days."""
    if schedule is None:
        observed = "workflows are not shown to this token"
        return unseen(_ENABLED, observed, hint=ask_with("Actions: read"))
    if schedule == "absent":
        observed = f"the default branch has no {BUMP_WORKFLOW}"
        hint = "`engine-ci init` makes it: commit and merge it; not needed where another bot bumps"
        return Answer(id=_ENABLED, outcome=Outcome.WARN, observed=observed, hint=hint)
    if schedule.state == "active":
        return Answer(id=_ENABLED, outcome=Outcome.OK, observed="active")
    quiet = schedule.state == "disabled_inactivity"
    why = " by GitHub: nothing happened in the repository for 60 days" if quiet else ""
    observed = f"{schedule.state}{why}"
    return Answer(id=_ENABLED, outcome=Outcome.FAIL, observed=observed, hint=_ENABLE)


def last_run(
    schedule: Schedule | Literal["absent"] | None, *, poll: timedelta, now: datetime
) -> Answer:
    """Whether the clock did start it."""
    if schedule is None or schedule == "absent":
        return unseen(_LAST_RUN, "no workflow is known", hint=f"see {_ENABLED}")
    if schedule.last is None:
        observed = "no run by the clock is known"
        hint = "a new workflow waits for its hour; GitHub runs the default branch's only"
        return Answer(id=_LAST_RUN, outcome=Outcome.WARN, observed=observed, hint=hint)
    late = now - schedule.last > _POLLS * poll
    return Answer(
        id=_LAST_RUN,
        outcome=Outcome.WARN if late else Outcome.OK,
        observed=f"on {schedule.last.date()}, and a poll is due every {poll.days} days",
        hint="GitHub drops runs at full hours and in disabled workflows: start it by hand, or "
        "`gh workflow run engine-bump.yml`"
        if late
        else "",
    )
