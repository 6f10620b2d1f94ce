"""When a pin last got on, as far as the app's repository tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine_ci.bump import body
from engine_ci.bump.polls import later
from engine_ci.pins import store

if TYPE_CHECKING:
    from datetime import datetime

    from engine_ci.system.github import Hub
    from engine_ci.system.github_reads import Reader


def moved(reader: Reader, *, path: str) -> datetime | None:
    """When a pin file last named another build.

    Args:
        reader: of the app's repository.
        path: from its root.

    Raises:
        GitHubError: GitHub refused or did not answer.
    """
    return reader.changed(path, line=re.compile(store.MOVES))


def last(
    hub: Hub, reader: Reader, *, pin: str, branch: str, path: str, now: datetime
) -> datetime | None:
    """When a build was last proposed or a person decided on one, or the pin last moved.

    Args:
        hub: of the app's repository.
        reader: of the same.
        pin: its name.
        branch: that proposals come from.
        path: of the pin file, from the repository's root.
        now: what counts while a proposal is open: it is a person's turn.

    Raises:
        GitHubError: GitHub refused or did not answer.
    """
    proposed = [pull for pull in hub.pull_requests(branch) if body.proposed(pull.body, pin=pin)]
    if any(pull.open for pull in proposed):
        return now
    return later(moved(reader, path=path), *(pull.closed for pull in proposed))
