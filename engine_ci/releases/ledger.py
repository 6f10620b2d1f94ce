"""Pure. Which bytes a release's files had when they were first seen.

A file that has others later was replaced under its name, which nobody does for a good reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from engine_ci.releases import ordering
from engine_ci.system.documents import Document, Sha256, Versioned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine_ci.releases.published import ReleaseAsset


class Seen(Document):
    """A file as it was first seen whole.

    Attributes:
        id: GitHub's, of that upload.
    """

    tag: str
    name: str
    id: int
    sha256: Sha256


class Ledger(Versioned):
    """Everything that was seen of one repository."""

    seen: tuple[Seen, ...] = Field(default=())


EMPTY = Ledger(schema=1)


def replaced(ledger: Ledger, tag: str, assets: Iterable[ReleaseAsset]) -> Iterator[str]:
    """What has other bytes than before, one sentence each."""
    before = {seen.name: seen for seen in ledger.seen if seen.tag == tag}
    for asset in assets:
        seen = before.get(asset.name)
        if seen is not None and asset.sha256 not in (None, seen.sha256):
            how = "in place" if asset.id == seen.id else "by another upload"
            yield (
                f"{asset.name} was replaced {how} since it was first seen: "
                f"sha256 was {seen.sha256}, is {asset.sha256}"
            )


def tags(ledger: Ledger, *, after: int) -> list[str]:
    """The builds with a greater number than `after` that were there, newest first."""
    newer = {seen.tag: _build(seen) for seen in ledger.seen if _build(seen) > after}
    return sorted(newer, key=lambda tag: newer[tag], reverse=True)


def names(ledger: Ledger, tag: str) -> frozenset[str]:
    """The files that a release had."""
    return frozenset(seen.name for seen in ledger.seen if seen.tag == tag)


def noted(ledger: Ledger, found: Iterable[tuple[str, ReleaseAsset]], *, since: int) -> Ledger:
    """The ledger with what was found now, and without builds older than `since`.

    What stands there stays as it was first seen.

    Args:
        ledger: from before.
        found: tags, and files of theirs.
        since: the number of a build.
    """
    now = {
        (tag, asset.name): Seen(tag=tag, name=asset.name, id=asset.id, sha256=asset.sha256)
        for tag, asset in found
        if asset.sha256 is not None
    }
    every = now | {(seen.tag, seen.name): seen for seen in ledger.seen}
    kept = (seen for seen in every.values() if _build(seen) >= since)
    return Ledger(schema=1, seen=tuple(sorted(kept, key=lambda seen: (_build(seen), seen.name))))


def _build(seen: Seen) -> int:
    return ordering.build(seen.tag) or 0
