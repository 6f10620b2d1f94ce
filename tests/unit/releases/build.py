"""Pins, offers and files for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine_ci.config import Policy
from engine_ci.pins.model import (
    Asset,
    Commit,
    GitHubReleases,
    Hold,
    PackageIndex,
    Pin,
    Platform,
)
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import listing, ordering
from engine_ci.releases.choose import Choice, choose
from engine_ci.releases.model import Offer
from engine_ci.releases.news import UNKNOWN
from engine_ci.releases.throttle import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engine_ci.records.candidate import Refusal, Release
    from engine_ci.releases.news import News
    from engine_ci.releases.ordering import PackageVersion
    from engine_ci.releases.stable import StableRelease
    from engine_ci.releases.throttle import Proposals

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
EAGER = Policy(propose="daily", cooldown_hours=0)
TAGS: dict[Platform, tuple[str, ...]] = {
    "macos-arm64": ("py3-none-macosx_14_0_arm64",),
    "ubuntu-x64": ("py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_34_x86_64"),
}


def version(text: str) -> PackageVersion:
    parsed = ordering.tag(text) or ordering.parse(text)
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


def released(
    current: str = "b11194",
    *,
    holds: Iterable[Hold] = (),
    platforms: Iterable[Platform] = TAGS,
    commit: str = "9f70b2cecd1a9a3f73ac525c47ca22a6ee9a7b69",
) -> Pin:
    """A pin of upstream's own releases."""
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp"),
        version=current,
        build=int(current.removeprefix("b")),
        commit=Commit(id=commit),
        platforms={
            platform: Asset(name=archive(current, platform), size=1, sha256="0" * 64)
            for platform in platforms
        },
        holds=tuple(holds),
    )


def archive(build: str, platform: Platform) -> str:
    return f"llama-{build}-bin-{platform}.tar.gz"


def offer(
    text: str,
    *platforms: Platform,
    hours: float | None = None,
    flaws: tuple[str, ...] = (),
    assets: Mapping[Platform, PublishedAsset] | None = None,
) -> Offer:
    """A release, published so many hours before now."""
    return Offer(
        version=version(text),
        platforms=frozenset(platforms or TAGS),
        published=None if hours is None else NOW - timedelta(hours=hours),
        assets=assets or {},
        flaws=flaws,
    )


def choice(
    *offers: Offer,
    of: Pin | None = None,
    policy: Policy = EAGER,
    files: Callable[[Offer], Mapping[Platform, PublishedAsset]] | None = None,
    refused: Iterable[Refusal] = (),
    remembered: Iterable[Refusal] = (),
    proposals: Proposals = NONE,
    stable: Sequence[StableRelease] = (),
    ask_news: Callable[[Release], News] = lambda _: UNKNOWN,
    failed: bool = False,
    withdrawn: bool = False,
    asked: str | None = None,
) -> Choice:
    """What is chosen now, by an app that is in a hurry unless the test says otherwise.

    The source has the pinned release too, unless that was withdrawn.
    """
    pinned = of or pin()
    own = listing.current(pinned)
    known = withdrawn or any(each.version.order == own.order for each in offers)
    return choose(
        offers if known else [*offers, offer(own.text, *pinned.platforms)],
        pinned,
        policy=policy,
        now=NOW,
        files=files or first_files,
        refused=refused,
        remembered=remembered,
        proposals=proposals,
        stable=stable,
        ask_news=ask_news,
        failed=failed,
        asked=asked,
    )


def reasons(made: Choice) -> dict[str, str]:
    return {decision.version: decision.reason for decision in made.decisions}


def first_files(offered: Offer) -> dict[Platform, PublishedAsset]:
    """A wheel with the first accepted tag for each platform, or an archive."""
    if ordering.tag(offered.version.text):
        return {
            platform: PublishedAsset(name=archive(offered.version.text, platform), sha256="1" * 64)
            for platform in TAGS
        }
    return {
        platform: PublishedAsset(
            name=wheel(offered.version.text, accepted[0]), sha256="1" * 64, wheel_tags=accepted
        )
        for platform, accepted in TAGS.items()
    }
