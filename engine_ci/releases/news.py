"""Pure. What upstream's history says of a release: what the app waits for, or nothing for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.records.upstream import Range, Unavailable
from engine_ci.releases.wanted import arrived

if TYPE_CHECKING:
    from engine_ci.config import Wanted
    from engine_ci.records.upstream import Upstream


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a release brings.

    Attributes:
        arrived: what the app waits for, in words.
        noise: why it is none for this app; None where it is, or may be.
    """

    arrived: tuple[str, ...] = ()
    noise: str | None = None


UNKNOWN = News()


def read(upstream: Upstream, *, wanted: Wanted) -> News:
    """What the commits between the pin and a release mean to an app."""
    changes = upstream.range
    if isinstance(changes, Unavailable):
        return UNKNOWN
    names = changes.architectures
    return News(
        arrived=arrived(
            wanted,
            architectures=() if isinstance(names, Unavailable) else names.gained,
            commits=((commit.id, commit.subject) for commit in changes.commits),
        ),
        noise=_noise(changes),
    )


def _noise(changes: Range) -> str | None:
    # The same commit packaged again may have other bytes, which are for the gate to judge.
    if not changes.commits or any(commit.relevant for commit in changes.commits):
        return None
    return f"none of its {len(changes.commits)} commits reaches the app's bundle"
