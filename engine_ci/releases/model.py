"""Pure. A release as a source offers it, in one form whatever the source is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine_ci.pins.model import Commit, Platform
    from engine_ci.records.candidate import PublishedAsset
    from engine_ci.releases.ordering import PackageVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One release that a source has.

    Attributes:
        version: with what it is ordered by.
        platforms: of the pin, those for which there is a whole file with its hash.
        published: when everybody could see it, with its time zone; None where the source is silent.
        commit: that its tag names, where the source has tags.
        assets: the files of these platforms, where the listing tells them; else they are asked for.
        flaws: what is wrong with it whatever a configuration says, one sentence each.
    """

    version: PackageVersion
    platforms: frozenset[Platform]
    published: datetime | None = None
    commit: Commit | None = None
    assets: Mapping[Platform, PublishedAsset] = field(default_factory=dict)
    flaws: tuple[str, ...] = ()
