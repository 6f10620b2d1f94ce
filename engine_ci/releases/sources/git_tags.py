"""Source code under the tags of a git repository: what they offer to a pin. Runs git.

One archive holds the code for every platform. Nobody publishes its sha256: it is that of the files
of the commit that the tag names, and whoever fetches the tag again must find the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import listing, ordering
from engine_ci.releases.model import Offer
from engine_ci.system import documents, git_source

if TYPE_CHECKING:
    from engine_ci.pins.model import Pin, Platform


def offers(repository: str, pin: Pin) -> list[Offer]:
    """The pinned build and every newer one that has a tag, in no order.

    Args:
        repository: its address.
        pin: what is used now, and for which platforms.

    Raises:
        OutsideError: git could not ask.
        PinError: the pinned version is no tag of a build.
        VerificationError: the pinned tag was moved.
    """
    current = listing.current(pin)
    commits = git_source.tags(repository)
    _hold_against(pin, commits.get(pin.version), repository=repository)
    found = [
        version
        for name in commits
        if (version := ordering.tag(name)) is not None and version.order >= current.order
    ]
    dates = git_source.dates(repository, [version.text for version in found]) if found else {}
    return [
        Offer(
            version=version,
            platforms=frozenset(pin.platforms),
            published=dates.get(version.text),
            commit=Commit(id=commits[version.text]),
        )
        for version in found
    ]


def files(repository: str, offer: Offer, pin: Pin) -> dict[Platform, PublishedAsset]:
    """The archive of a build's code, the same for every platform, as git makes it here.

    Raises:
        OutsideError: git could not bring it.
        VerificationError: the tag was moved since it was listed.
    """
    tag = offer.version.text
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "code.tar")
        git_source.archive(repository, tag=tag, commit=str(offer.commit), into=file)
        size, sha256 = file.stat().st_size, documents.sha256_of(file)
    return {
        platform: PublishedAsset(
            name=asset.name.replace(pin.version, tag), size=size, sha256=sha256
        )
        for platform, asset in pin.platforms.items()
    }


def _hold_against(pin: Pin, found: str | None, *, repository: str) -> None:
    """Refuses to go on where the pinned tag is not where it was; one that is gone is withdrawn."""
    if found is not None and found != pin.commit.id:
        raise VerificationError(
            f"{repository}: expected the tag {pin.version} on the commit {pin.commit}, "
            f"found {found}",
            hint="a tag that was moved is no release; ask upstream before you use either",
        )
