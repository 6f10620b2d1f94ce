"""Pure. What was proposed to the app before, from the pull requests of our branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.bump import body
from engine_ci.releases.throttle import Proposals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine_ci.pins.model import Pin
    from engine_ci.system.github import PullRequest


def made(pulls: Sequence[PullRequest], *, pin: Pin, moved: datetime | None) -> Proposals:
    """Reads the proposals for a pin.

    Args:
        pulls: from our branch, open or closed, newest first; texts of others are passed over.
        pin: as it is now.
        moved: when it last moved; None where that is not known.
    """
    ours = [
        (pull, version)
        for pull in pulls
        if (version := body.proposed(pull.body, pin=pin.name)) is not None
    ]
    version = ours[0][1] if ours else None
    # A pin that moved to what we proposed was moved by that proposal, whose time counts.
    moves = [moved] if moved and pin.version != version else []
    return Proposals(
        last=max([*(pull.created for pull, _ in ours), *moves], default=None),
        version=version,
        closed=frozenset(found for pull, found in ours if not pull.open and not pull.merged),
        waiting=any(pull.open for pull, _ in ours),
    )
