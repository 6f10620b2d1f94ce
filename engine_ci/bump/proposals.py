"""Pure. What was proposed to the app before, from the pull requests of our branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.bump import body
from engine_ci.releases.throttle import Proposals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine_ci.system.github import PullRequest


def made(pulls: Sequence[PullRequest], *, pin: str, moved: datetime | None) -> Proposals:
    """Reads the proposals for a pin.

    Args:
        pulls: from our branch, open or closed, newest first; texts of others are passed over.
        pin: its name.
        moved: when the pin last moved, by whomever; None where that is not known.
    """
    ours = [
        (pull, version)
        for pull in pulls
        if (version := body.proposed(pull.body, pin=pin)) is not None
    ]
    times = [pull.opened for pull, _ in ours] + ([moved] if moved else [])
    return Proposals(
        last=max(times, default=None),
        version=ours[0][1] if ours else None,
        closed=frozenset(version for pull, version in ours if not pull.open and not pull.merged),
        waiting=any(pull.open for pull, _ in ours),
    )
