"""llama.cpp's real releases as a client sees them at a moment; their sources: `data/README.md`."""

from __future__ import annotations

import csv
import hashlib
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.pins.model import Asset
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases.model import Offer
from tests.unit.releases.build import archive, released, version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine_ci.pins.model import Hold, Pin, Platform

DATA = Path(__file__).parent / "data"
PLATFORM: Platform = "macos-arm64"
# From the commit to its release, and to the last of the files, which are put there one by one.
LAG, UPLOAD = timedelta(hours=3), timedelta(hours=1)
# A run that broke off left seven or eight of some 25 files, for good.
PARTIAL = ("b9352", "b9894")
FIRST, LAST = datetime(2026, 5, 26, 6, 17, tzinfo=UTC), datetime(2026, 9, 30, 6, 17, tzinfo=UTC)


@cache
def published() -> dict[str, datetime]:
    """Every build and when it was public, oldest first."""
    nightly = {
        f"b{row['build']}": datetime.fromisoformat(row["committed"]) + LAG
        for row in _rows("nightly.csv")
    }
    later = {
        f"b{row['build']}": datetime.fromisoformat(row["public_by"]).replace(tzinfo=UTC)
        for row in _rows("later.csv")
    }
    return nightly | later


@cache
def commits() -> dict[str, str]:
    """The first digits of the commits, where they are known."""
    return {f"b{row['build']}": row["commit"] for row in _rows("nightly.csv")}


@cache
def hashes() -> dict[str, str]:
    """The real sha256 of files, by name."""
    return {row["asset"]: row["sha256"] for row in _rows("assets.csv")}


@cache
def offers(now: datetime) -> list[Offer]:
    """What the list of releases holds at a moment, in an order that means nothing."""
    found = [_offer(build, at, now) for build, at in published().items() if at <= now]
    random.Random(now.timestamp()).shuffle(found)
    return found


def asset(build: str) -> PublishedAsset:
    """The file for the one platform, with its real hash where that is known."""
    name = archive(build, PLATFORM)
    made_up = hashlib.sha256(name.encode()).hexdigest()
    return PublishedAsset(name=name, sha256=hashes().get(name, made_up))


def pin(build: str, *, holds: Iterable[Hold] = ()) -> Pin:
    """An app that uses a build on the one platform."""
    file = asset(build)
    pinned = Asset(name=file.name, size=1, sha256=file.sha256)
    update = {"platforms": {PLATFORM: pinned}}
    return released(build, holds=holds).model_copy(update=update)


def days(first: datetime = FIRST, last: datetime = LAST) -> Iterator[datetime]:
    """One poll a day."""
    while first <= last:
        yield first
        first += timedelta(days=1)


@cache
def _complete(build: str, at: datetime) -> Offer:
    return Offer(
        version=version(build),
        platforms=frozenset({PLATFORM}),
        published=at,
        assets={PLATFORM: asset(build)},
    )


def _offer(build: str, at: datetime, now: datetime) -> Offer:
    if build in PARTIAL or now < at + UPLOAD:
        return Offer(version=version(build), platforms=frozenset(), published=at)
    return _complete(build, at)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
