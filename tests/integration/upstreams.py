"""An embedded GitHub that hosts upstream, and a reader of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine_ci.releases.sources import github_releases
from engine_ci.releases.sources.github_releases import Place
from engine_ci.system.rest import RestReader
from tests.unit.releases.upstream import NOON, REPOSITORY, content, names, pin

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Pin
    from engine_ci.releases.model import Offer
    from fixtures.github import GitHubServer
    from fixtures.github.release_records import Release


@dataclass
class Upstream:
    """Upstream's repository, and one who reads it and remembers what was read.

    Attributes:
        waited: the seconds of every wait.
        heard: what a person was told.
    """

    server: GitHubServer
    home: Path
    waited: list[float] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return Place(
            api=RestReader(self.server.api_url, cache=self.home / "cache", wait=self.waited.append),
            files=self.server.api_url,
            ledgers=self.home / "seen",
        )

    def publish(self, *builds: int, age_h: float = 0) -> Release:
        """Whole releases of builds, the last one on top of the list; the last one."""
        made = [
            self.server.hub.shelf.publish(
                f"b{build}",
                at=NOON - timedelta(hours=age_h),
                files={name: content(name) for name in names(f"b{build}")},
                body="what is new" * 80,
            )
            for build in builds
        ]
        return made[-1]

    def offers(self, pinned: Pin | None = None) -> dict[str, Offer]:
        """What is offered to a pin of b11194, by version."""
        pinned, at = pinned or pin(), self.place
        listed = github_releases.read(REPOSITORY, pinned, at=at)
        found = github_releases.offers(listed, REPOSITORY, pinned, at=at, told=self.heard.append)
        assert len({offer.version.text for offer in found}) == len(found)
        return {offer.version.text: offer for offer in found}

    @property
    def asked(self) -> list[tuple[str, int | None]]:
        """What of the list and of releases was asked for, and the status of each answer."""
        return [
            (f"{record.path.removeprefix(f'/repos/{REPOSITORY}/')}?{record.query}", record.status)
            for record in self.server.requests
        ]
