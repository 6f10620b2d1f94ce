from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import UsageError
from engine_ci.pins.model import GitHubReleases
from engine_ci.releases import first
from engine_ci.releases.published import PublishedRelease, ReleaseAsset

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform

UPSTREAM = "ggml-org/llama.cpp"
COMMIT = "86a283532072722c5f3363d37d59a874d09fa99b"
NAMES: dict[Platform, str] = {
    "macos-arm64": "llama-b11194-bin-macos-arm64.tar.gz",
    "macos-x64": "llama-b11194-bin-macos-x64.tar.gz",
    "ubuntu-x64": "llama-b11194-bin-ubuntu-x64.tar.gz",
    "windows-arm64": "llama-b11194-bin-win-cpu-arm64.zip",
    "windows-x64": "llama-b11194-bin-win-cpu-x64.zip",
}


def release(
    *, digest: str | None = "sha256:" + "a" * 64, state: str = "uploaded"
) -> PublishedRelease:
    assets = [
        ReleaseAsset(id=number, name=name, size=7, state=state, digest=digest)
        for number, name in enumerate(
            (*NAMES.values(), "llama-b11194-bin-ubuntu-vulkan-x64.tar.gz")
        )
    ]
    return PublishedRelease(
        tag_name="b11194",
        draft=False,
        published_at=datetime(2026, 11, 1, tzinfo=UTC),
        assets=assets,
    )


def test_every_platform_gets_upstreams_plain_build() -> None:
    pin = first.pin(release(), repository=UPSTREAM, commit=COMMIT, platforms=tuple(NAMES))

    assert {platform: asset.name for platform, asset in pin.platforms.items()} == NAMES
    assert {(asset.size, asset.sha256) for asset in pin.platforms.values()} == {(7, "a" * 64)}
    assert (pin.version, pin.build, pin.commit.id) == ("b11194", 11194, COMMIT)
    assert pin.source == GitHubReleases(kind="github-releases", repository=UPSTREAM)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (release(digest=None), "has no sha256 that GitHub tells"),
        (release(state="starter"), "is not whole yet"),
        (release().model_copy(update={"assets": ()}), "llama-b11194-bin-macos-arm64.tar.gz is not"),
    ],
)
def test_a_release_without_a_whole_file_and_its_hash_is_not_pinned(
    found: PublishedRelease, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        first.pin(found, repository=UPSTREAM, commit=COMMIT, platforms=("macos-arm64",))
