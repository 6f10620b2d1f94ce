"""Pins of GitHub's releases, and releases as GitHub shows them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine_ci.pins.model import Asset, Commit, GitHubReleases, Pin, Platform
from engine_ci.releases.published import PublishedRelease, ReleaseAsset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPOSITORY = "ggml-org/llama.cpp"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARTS: Mapping[Platform, str] = {
    "macos-arm64": "macos-arm64.tar.gz",
    "ubuntu-x64": "ubuntu-x64.tar.gz",
    "windows-x64": "win-cpu-x64.zip",
}
# What else is in a release, every name nearly one of those above.
OTHERS = (
    "cudart-llama-bin-win-cuda-12.4-x64.zip",
    "llama-{tag}-bin-ubuntu-vulkan-x64.tar.gz",
    "llama-{tag}-bin-win-vulkan-x64.zip",
    "llama-{tag}-bin-macos-arm64-kleidiai.tar.gz",
    "llama-{tag}-bin-android-arm64.tar.gz",
    "llama-{tag}-xcframework.zip",
)


def content(name: str) -> bytes:
    """The bytes of a file, one for each name."""
    return name.encode()


def sha256(name: str) -> str:
    return hashlib.sha256(content(name)).hexdigest()


def pin(build: int = 11194, *platforms: Platform, version: str = "") -> Pin:
    """A pin for some platforms, macOS and Linux when none are named."""
    tag = version or f"b{build}"
    chosen: Iterable[Platform] = platforms or ("macos-arm64", "ubuntu-x64")
    names = {platform: f"llama-{tag}-bin-{PARTS[platform]}" for platform in chosen}
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=GitHubReleases(kind="github-releases", repository=REPOSITORY),
        version=tag,
        build=build,
        commit=Commit(id="9f70b2cecd1a9a3f73ac525c47ca22a6ee9a7b69"),
        platforms={
            platform: Asset(name=name, size=len(content(name)), sha256=sha256(name))
            for platform, name in names.items()
        },
    )


def asset(name: str, number: int = 1, /, **changes: object) -> ReleaseAsset:
    whole = {
        "id": number,
        "name": name,
        "size": len(content(name)),
        "state": "uploaded",
        "digest": f"sha256:{sha256(name)}",
    }
    return ReleaseAsset.model_validate(whole | changes)


def names(tag: str) -> list[str]:
    """The names of all files of a whole release."""
    wanted = [f"llama-{tag}-bin-{part}" for part in PARTS.values()]
    return [*(name.format(tag=tag) for name in OTHERS), *wanted]


def release(
    tag: str, *assets: ReleaseAsset, draft: bool = False, age_h: float = 0
) -> PublishedRelease:
    """A release with those files, or with all of a whole release where none are given."""
    return PublishedRelease(
        tag_name=tag,
        draft=draft,
        published_at=NOON - timedelta(hours=age_h),
        assets=assets or tuple(asset(name, number) for number, name in enumerate(names(tag))),
    )
