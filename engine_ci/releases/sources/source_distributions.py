"""Source code as source distributions of a package: what they offer to a pin. Runs pip and git.

A source distribution does not tell its commit, and a pin names one: it is the commit of upstream's
tag of the same build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.pins.model import Commit
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import ordering
from engine_ci.releases.model import Offer
from engine_ci.system import git_source, pip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.pins.model import Pin, Platform
    from engine_ci.releases.ordering import PackageVersion


def offers(package: str, pin: Pin, *, upstream: str | None) -> list[Offer]:
    """Every version, in no order: pip does not list which of them have a source distribution.

    Args:
        package: its name.
        pin: for which platforms.
        upstream: the address of llama.cpp's repository; None where it is not to be asked.

    Raises:
        OutsideError: pip or git failed, or the index has nothing of the package.
    """
    commits = git_source.tags(upstream) if upstream else {}
    versions = filter(None, map(ordering.parse, pip.source_versions(package)))
    return [_offer(version, pin, commits=commits) for version in versions]


def files(package: str, offer: Offer, pin: Pin) -> dict[Platform, PublishedAsset]:
    """The archive of a version, the same for every platform, with the sha256 that is published.

    Raises:
        OutsideError: pip failed, or would install something else than one file.
    """
    found = pip.source_report(f"{package}=={offer.version.text}")
    asset = PublishedAsset(name=found.name, sha256=found.sha256)
    return dict.fromkeys(pin.platforms, asset)


def _offer(version: PackageVersion, pin: Pin, *, commits: Mapping[str, str]) -> Offer:
    commit = commits.get(f"b{version.build}")
    unknown = "no tag of upstream tells its commit: `upstream.repository` has to have its build"
    return Offer(
        version=version,
        platforms=frozenset(pin.platforms),
        commit=Commit(id=commit) if commit else None,
        flaws=() if commit or version.text == pin.version else (unknown,),
    )
