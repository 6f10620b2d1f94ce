"""Brings the issue about a pin that is stuck to what an alarm says.

Where two runs do so at once, each looks again after it opened one, and the older one stays. GitHub
has no way to open an issue only if there is none, so for some seconds there may be two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.bump import settle
from engine_ci.bump.settle import Close, Open, Reopen

if TYPE_CHECKING:
    from datetime import datetime

    from engine_ci.bump.settle import Action
    from engine_ci.bump.stuck import Alarm, Limits
    from engine_ci.system.github_issues import Issues


def bring_about(
    alarm: Alarm | None,
    issues: Issues,
    *,
    pin: str,
    recovered: bool,
    limits: Limits,
    now: datetime,
    dry_run: bool = False,
) -> tuple[str, ...]:
    """Opens, rewrites, opens again or closes; arguments as for `settle.actions`.

    Returns:
        what was done, or in a dry run would be, one sentence each.

    Raises:
        GitHubError: GitHub refused or did not answer.
    """

    def planned() -> tuple[Action, ...]:
        return settle.actions(
            alarm, issues.all(), pin=pin, recovered=recovered, limits=limits, now=now
        )

    first = planned()
    if dry_run:
        return tuple(map(_would, first))
    done = [_do(action, issues) for action in first]
    if any(isinstance(action, Open) for action in first):
        done += [_do(action, issues) for action in planned() if isinstance(action, Close)]
    return tuple(done)


def _would(action: Action) -> str:
    if isinstance(action, Open):
        return f"an issue would be opened: {action.alarm.title}"
    if isinstance(action, Close):
        return f"issue #{action.number} would be closed"
    again = "opened again" if isinstance(action, Reopen) else "rewritten"
    return f"issue #{action.number} would be {again}"


def _do(action: Action, issues: Issues) -> str:
    if isinstance(action, Open):
        opened = issues.create(title=action.alarm.title, body=action.alarm.body)
        return f"issue #{opened.number} opened: {opened.url}"
    if isinstance(action, Close):
        issues.comment(action.number, action.comment)
        issues.end(action.number)
        return f"issue #{action.number} closed"
    if isinstance(action, Reopen):
        issues.comment(action.number, action.comment)
    issues.edit(action.number, title=action.alarm.title, body=action.alarm.body)
    return f"issue #{action.number} {'opened again' if isinstance(action, Reopen) else 'rewritten'}"
