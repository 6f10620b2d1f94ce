"""Wheels on the index that pip is configured with. Runs pip, which reaches the network.

pip lists neither pre-releases nor yanked versions, and of the others those that have a wheel for
the tags that it is asked for; so each platform of the pin is asked about by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import OutsideError
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import ordering
from engine_ci.releases.choose import Offer
from engine_ci.system import pip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.pins.model import Asset, Platform


def offers(package: str, platforms: Mapping[Platform, Asset]) -> list[Offer]:
    """Every version that has a wheel for at least one of the platforms, in no order.

    Raises:
        OutsideError: pip failed, or the index has nothing for one of the platforms.
    """
    found: dict[str, set[Platform]] = {}
    for platform, asset in platforms.items():
        for text in pip.index_versions(package, tags=asset.wheel_tags):
            found.setdefault(text, set()).add(platform)
    return [
        Offer(version=version, platforms=frozenset(names))
        for text, names in found.items()
        if (version := ordering.parse(text)) is not None
    ]


def files(
    package: str, version: str, platforms: Mapping[Platform, Asset]
) -> dict[Platform, PublishedAsset]:
    """The wheel of a version for each platform, with the sha256 that the index publishes.

    Raises:
        OutsideError: pip failed, or would install something else than one file.
    """
    return {
        platform: _file(f"{package}=={version}", asset) for platform, asset in platforms.items()
    }


def _file(requirement: str, asset: Asset) -> PublishedAsset:
    found = pip.report(requirement, tags=asset.wheel_tags)
    if len(found) != 1:
        raise OutsideError(f"pip reports {len(found)} files for {requirement}, expected one")
    return PublishedAsset(name=found[0].name, sha256=found[0].sha256, wheel_tags=asset.wheel_tags)
