"""Pins, offers and files for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.pins.model import Asset, Commit, Hold, PackageIndex, Pin, Platform
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import ordering
from engine_ci.releases.model import Offer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine_ci.releases.ordering import PackageVersion

TAGS: dict[Platform, tuple[str, ...]] = {
    "macos-arm64": ("py3-none-macosx_14_0_arm64",),
    "ubuntu-x64": ("py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_34_x86_64"),
}


def version(text: str) -> PackageVersion:
    parsed = ordering.parse(text)
    assert parsed is not None
    return parsed


def wheel(text: str, tag: str, *, package: str = "engine_wheel") -> str:
    return f"{package}-{text}-{tag}.whl"


def pin(
    current: str = "0.1.2",
    *,
    holds: Iterable[Hold] = (),
    tags: Mapping[Platform, tuple[str, ...]] = TAGS,
) -> Pin:
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=PackageIndex(kind="package-index", package="engine-wheel"),
        version=current,
        commit=Commit(id="9a3bf2b", abbreviated=True),
        platforms={
            platform: Asset(
                name=wheel(current, accepted[0]), size=1, sha256="0" * 64, wheel_tags=accepted
            )
            for platform, accepted in tags.items()
        },
        holds=tuple(holds),
    )


def offer(text: str, *platforms: Platform) -> Offer:
    return Offer(version=version(text), platforms=frozenset(platforms or TAGS))


def files(offered: Offer) -> dict[Platform, PublishedAsset]:
    """A wheel with the first accepted tag for each platform."""
    return {
        platform: PublishedAsset(
            name=wheel(offered.version.text, accepted[0]), sha256="1" * 64, wheel_tags=accepted
        )
        for platform, accepted in TAGS.items()
    }
