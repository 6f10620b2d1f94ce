"""Pure. Whether upstream has by now what an app waits for: a model architecture, or a fix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from engine_ci.config import Wanted

_COMMIT = re.compile(r"[0-9a-f]{7,40}")


def arrived(
    wanted: Wanted, *, architectures: Collection[str], commits: Iterable[tuple[str, str]]
) -> tuple[str, ...]:
    """What came, in words.

    Args:
        wanted: what the configuration names.
        architectures: those that came between the pin and the candidate.
        commits: the same of upstream's commits: each with its ID and its message.
    """
    return tuple(_arrived(wanted, architectures=architectures, commits=list(commits)))


def _arrived(
    wanted: Wanted, *, architectures: Collection[str], commits: Collection[tuple[str, str]]
) -> Iterator[str]:
    for name in wanted.architectures:
        if name in architectures:
            yield f"the architecture {name} has arrived"
    for fix in wanted.fixes:
        found = next((commit for commit in commits if _is(fix, *commit)), None)
        if found:
            yield f"the fix {fix} has arrived with {found[0][:9]}"


def _is(fix: str, commit: str, message: str) -> bool:
    if _COMMIT.fullmatch(fix):
        return commit.startswith(fix)
    return re.search(rf"#{fix.removeprefix('#')}\b", message) is not None
