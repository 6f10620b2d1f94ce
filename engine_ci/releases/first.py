"""Pure. The first pin of an app: upstream's own file of each platform, at the build in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.errors import UsageError
from engine_ci.pins.model import Asset, Commit, GitHubReleases, Pin
from engine_ci.releases import ordering, published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.pins.model import Platform
    from engine_ci.releases.published import PublishedRelease

# How upstream names its plain builds since 2025-12; those for one kind of GPU are an app's choice.
_NAMES: Final[Mapping[Platform, str]] = {
    "macos-arm64": "llama-{}-bin-macos-arm64.tar.gz",
    "macos-x64": "llama-{}-bin-macos-x64.tar.gz",
    "ubuntu-x64": "llama-{}-bin-ubuntu-x64.tar.gz",
    "windows-arm64": "llama-{}-bin-win-cpu-arm64.zip",
    "windows-x64": "llama-{}-bin-win-cpu-x64.zip",
}


def pin(
    release: PublishedRelease, *, repository: str, commit: str, platforms: Sequence[Platform]
) -> Pin:
    """A pin of a release.

    Args:
        release: of the build.
        repository: `owner/name`, that has it.
        commit: that its tag names, whole.
        platforms: that the app ships for.

    Raises:
        UsageError: the release has no whole file with a sha256 for one of them.
    """
    version = ordering.tag(release.tag_name)
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=GitHubReleases(kind="github-releases", repository=repository),
        version=release.tag_name,
        build=version.build if version else None,
        commit=Commit(id=commit),
        platforms={platform: _asset(release, platform) for platform in platforms},
    )


def _asset(release: PublishedRelease, platform: Platform) -> Asset:
    name = _NAMES[platform].format(release.tag_name)
    found = next((asset for asset in release.assets if asset.name == name), None)
    told = published.whole(found) if found else f"{name} is not there"
    if found is None or isinstance(told, str):
        raise UsageError(
            f"{release.tag_name} cannot be pinned for {platform}: {told}",
            hint="pin a build that has the file, or write the pin by hand (docs/reference/pins.md)",
        )
    return Asset(name=found.name, size=found.size, sha256=told.sha256)
