"""`candidate.json`: which release to try, and for every other one why not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from engine_ci.pins.model import AssetName, Build, Commit, Name, Platform, Version, WheelTag
from engine_ci.records.upstream import Upstream
from engine_ci.system.documents import Document, Sha256, Versioned


class PublishedAsset(Document):
    """One file as upstream announces it, before any of its bytes were seen.

    Attributes:
        size: bytes; None where the source does not say.
        wheel_tags: copied from the pin: what the platform accepts.
    """

    name: AssetName
    size: Annotated[int, Field(ge=1)] | None = None
    sha256: Sha256
    wheel_tags: tuple[WheelTag, ...] = ()


class Release(Document):
    """One upstream release.

    Attributes:
        version: as upstream writes it.
        build: upstream's build number, None when this source does not say.
        rebuild: how often the same build was packaged again before this one.
        published: when everybody could see it; None where the source does not say.
        commit: that its tag names; None where the source names none.
        assets: what is offered, by platform.
    """

    version: Version
    build: Build | None = None
    rebuild: Annotated[int, Field(ge=0)] = 0
    published: datetime | None = None
    commit: Commit | None = None
    assets: dict[Platform, PublishedAsset] = Field(default_factory=dict)


class Decision(Document):
    """Why a release newer than the pin is, or is not, the candidate.

    Attributes:
        version, build, rebuild, published: of the release.
        flaws: what is wrong with it whatever a configuration says.
        oldest: where one reason holds for several releases in a row, the last of them; `version`
            is the newest then.
        releases: how many these are.
    """

    version: Version
    build: Build | None = None
    rebuild: Annotated[int, Field(ge=0)] = 0
    published: datetime | None = None
    chosen: bool
    reason: str
    flaws: tuple[str, ...] = ()
    oldest: Version | None = None
    releases: Annotated[int, Field(ge=1)] = 1

    @property
    def subject(self) -> str:
        """What it is about, for people."""
        if self.oldest is None:
            return self.version
        return f"{self.version} … {self.oldest} ({self.releases} releases)"


class Postponed(Document):
    """A release that nothing speaks against but that its time has not come.

    Attributes:
        until: None where it is no date that is waited for.
        reason: in words, with that date.
    """

    version: Version
    until: datetime | None = None
    reason: str


class Standing(Document):
    """How the pin itself stands.

    Attributes:
        published: when its release was; None where the source does not say.
        age_days: since then, in whole days.
        behind: how many releases are newer.
        troubles: why it ought to be left soon: held, refused by the gate, withdrawn.
        expired: holds that have ended, in words.
    """

    published: datetime | None = None
    age_days: int | None = None
    behind: Annotated[int, Field(ge=0)] = 0
    troubles: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


class Refusal(Document):
    """A release that was tried in this run and must not be proposed.

    Attributes:
        evidence: what was seen, most telling first, one line each.
        tree_sha256: of its bundle, so that the same engine under another version is known.
        code_sha256: of its bundle, so that the same code is known.
        known: refused without a try, because its engine or its code was known already.
    """

    version: Version
    reason: str
    evidence: tuple[str, ...] = ()
    tree_sha256: Sha256 | None = None
    code_sha256: Sha256 | None = None
    known: bool = False


class Candidate(Versioned):
    """The outcome of `detect`.

    Attributes:
        current: the version that is pinned now.
        chosen: the release to try; None when nothing is worth it.
        asked: whether a person asks for just this release, also where one closed it before.
        standing: how the pin itself stands.
        postponed: the release that waits, where nothing is chosen for that reason alone.
        decisions: every release newer than the pin, newest first.
        refused: what this run tried before, newest first.
        upstream: what is known of llama.cpp between the two; None in a record of an older release.
    """

    pin: Name
    source: str
    current: Version
    standing: Standing = Standing()
    chosen: Release | None = None
    asked: bool = False
    postponed: Postponed | None = None
    decisions: tuple[Decision, ...] = ()
    refused: tuple[Refusal, ...] = ()
    upstream: Upstream | None = None
    at: datetime
