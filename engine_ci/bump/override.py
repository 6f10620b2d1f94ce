"""Pure. Whether the label on a bump is a maintainer's word, by who set it and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.decision import OVERRIDE_LABEL, Override

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine_ci.system.github_pull import Event, PullRequest

_SET: Final = "labeled"
_EVENTS: Final = (_SET, "unlabeled")


def label(events: Sequence[Event]) -> Event | None:
    """That the label was set; None where it is not there, or was taken off again.

    Args:
        events: of the pull request, oldest first.
    """
    own = [
        event
        for event in events
        if event.event in _EVENTS and event.label and event.label.name == OVERRIDE_LABEL
    ]
    return own[-1] if own and own[-1].event == _SET else None


def decide(
    event: Event, pull: PullRequest, *, pushed: datetime | None, may_write: bool
) -> Override | str:
    """The override that a label stands for, or why it stands for none.

    Args:
        event: that it was set.
        pull: on which.
        pushed: when the head commit came, by GitHub's clock.
        may_write: whether who set it may push to the repository.
    """
    who = event.actor
    if who is None or not who.person:
        return f"set by {who.login if who else 'an account that is gone'}, which is no person"
    if pull.user is None or who.login.casefold() == pull.user.login.casefold():
        return f"set by {who.login}, and who wrote the pull request does not answer for it"
    if not may_write:
        return f"set by {who.login}, who may not write to this repository"
    if pushed is None:
        return f"set by {who.login}; nobody knows whether that was before the last push"
    if event.created_at <= pushed:
        return f"set by {who.login} before the last push, so for another commit: set it again"
    return Override(by=who.login, at=event.created_at)
