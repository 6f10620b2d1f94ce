"""Wheels on the index that pip is configured with. Runs pip, which reaches the network.

pip lists neither pre-releases nor yanked versions, and of the others those that have a wheel for
the tags that it is asked for; so each platform of the pin is asked about by itself.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import ordering
from engine_ci.releases.model import Offer
from engine_ci.system import pip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.pins.model import Asset, Platform
    from engine_ci.releases.ordering import PackageVersion


def offers(package: str, platforms: Mapping[Platform, Asset]) -> list[Offer]:
    """Every version that has a wheel for at least one of the platforms, in no order.

    Raises:
        OutsideError: pip failed, or the index has nothing for one of the platforms.
    """
    found: dict[str, set[Platform]] = {}
    # pip spends its time waiting for the index.
    with ThreadPoolExecutor() as pool:
        listing = pool.map(
            lambda asset: pip.index_versions(package, tags=asset.wheel_tags), platforms.values()
        )
        for platform, versions in zip(platforms, listing, strict=True):
            for text in versions:
                found.setdefault(text, set()).add(platform)
    return [
        Offer(version=version, platforms=frozenset(names))
        for text, names in found.items()
        if (version := ordering.parse(text)) is not None
    ]


def versions(package: str) -> list[PackageVersion]:
    """Every version that has a wheel for this machine, in no order.

    Raises:
        OutsideError: pip failed, or the index has nothing for this machine.
    """
    parsed = (ordering.parse(text) for text in pip.index_versions(package))
    return [version for version in parsed if version is not None]


def wheel(package: str, version: str, *, tags: Sequence[str] = ()) -> PublishedAsset:
    """The wheel of a version, with the sha256 that the index publishes.

    Args:
        package: its name.
        version: as the index writes it.
        tags: wheel tags of the platform; this machine's own when empty.

    Raises:
        OutsideError: pip failed, or would install something else than one file.
    """
    found = pip.report(f"{package}=={version}", tags=tags)
    return PublishedAsset(name=found.name, sha256=found.sha256, wheel_tags=tuple(tags))


def files(
    package: str, version: str, platforms: Mapping[Platform, Asset]
) -> dict[Platform, PublishedAsset]:
    """The wheel of a version for each platform, with the sha256 that the index publishes.

    Raises:
        OutsideError: pip failed, or would install something else than one file.
    """
    with ThreadPoolExecutor() as pool:
        found = pool.map(
            lambda asset: wheel(package, version, tags=asset.wheel_tags), platforms.values()
        )
        return dict(zip(platforms, found, strict=True))
