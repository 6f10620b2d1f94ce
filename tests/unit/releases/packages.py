"""Real wheels of real builds, as a package index has them at a moment: `data/README.md`."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from engine_ci.pins.model import Asset, Commit, PackageIndex, Pin
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases.model import Offer
from tests.unit.releases.build import version
from tests.unit.releases.history import DATA

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform

PLATFORM: Final[Platform] = "ubuntu-x64"
TAGS: Final = ("py3-none-manylinux2014_x86_64",)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A wheel, and when it was made."""

    version: str
    commit: str
    committed: datetime
    packed: datetime
    asset: PublishedAsset


@cache
def all_of_them() -> dict[str, Package]:
    """Every one by its version, oldest first."""
    with (DATA / "packages.csv").open(encoding="utf-8", newline="") as file:
        return {row["version"]: _package(row) for row in csv.DictReader(file)}


def _package(row: dict[str, str]) -> Package:
    return Package(
        version=row["version"],
        commit=row["commit"],
        committed=datetime.fromisoformat(row["committed"]),
        packed=datetime.fromisoformat(row["packed"]),
        asset=PublishedAsset(
            name=row["wheel"], sha256=row["sha256"], size=int(row["bytes"]), wheel_tags=TAGS
        ),
    )


def offers(now: datetime, *, dated: bool) -> list[Offer]:
    """What the index lists at a moment, in an order that means nothing; pip tells no dates."""
    found = [
        Offer(
            version=version(package.version),
            platforms=frozenset({PLATFORM}),
            published=package.packed if dated else None,
        )
        for package in all_of_them().values()
        if package.packed <= now
    ]
    random.Random(now.timestamp()).shuffle(found)
    return found


def files(offer: Offer) -> dict[Platform, PublishedAsset]:
    """The wheel of a version."""
    return {PLATFORM: all_of_them()[offer.version.text].asset}


def pin(pinned: str) -> Pin:
    """An app that uses a version."""
    package = all_of_them()[pinned]
    asset = package.asset
    assert asset.size is not None
    return Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=PackageIndex(kind="package-index", package="llama-cpp-py-sync"),
        version=pinned,
        build=version(pinned).build,
        commit=Commit(id=package.commit, abbreviated=True),
        platforms={
            PLATFORM: Asset(name=asset.name, size=asset.size, sha256=asset.sha256, wheel_tags=TAGS)
        },
    )
