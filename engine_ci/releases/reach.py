"""Pure. When a list of releases was read far enough, although its order means nothing exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

# Upstream's list is newest first but for builds of about the same time, whose order GitHub does not
# promise; upstream never published more than that many in a day.
DISORDER: Final = 24


def passed(builds: Collection[int], *, pin: int) -> bool:
    """Whether every build newer than the pin has been read.

    It has when more than `DISORDER` builds that are not newer were, as long as no build stands
    behind more than so many that are older than itself.

    Args:
        builds: the numbers read so far, each once.
        pin: the number of the pinned build.
    """
    return sum(build <= pin for build in builds) > DISORDER
