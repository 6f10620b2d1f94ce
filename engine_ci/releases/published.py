"""Pure. A release of GitHub's as its API shows it, and which of its files a pin's platforms need.

A file is looked for by its exact name: that of the pinned file with the other build's number, as
any kind of archive. Upstream's names differ in one word, and a part of a name fits too many.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from engine_ci.errors import PinError
from engine_ci.records.candidate import PublishedAsset

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine_ci.pins.model import Pin, Platform

_ARCHIVES: Final = (".tar.gz", ".tar.xz", ".zip")
_UPLOADED: Final = "uploaded"
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


class ReleaseAsset(BaseModel):
    """A file of a release.

    Attributes:
        id: another one where a file was taken away and uploaded again.
        size: bytes.
        state: `uploaded` once it is whole.
        digest: that GitHub computed; older files have none.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    size: Annotated[int, Field(ge=0)]
    state: str
    digest: str | None = None

    @property
    def sha256(self) -> str | None:
        """Its sha256, where GitHub tells one."""
        found = _DIGEST.fullmatch(self.digest or "")
        return found[1] if found else None


class PublishedRelease(BaseModel):
    """A release.

    Attributes:
        published_at: when everybody could see it; a draft was not.
    """

    model_config = ConfigDict(frozen=True)

    tag_name: str
    draft: bool
    published_at: AwareDatetime | None
    assets: tuple[ReleaseAsset, ...]


RELEASE: Final = TypeAdapter(PublishedRelease)
RELEASES: Final = TypeAdapter(tuple[PublishedRelease, ...])


def names(pin: Pin, *, tag: str) -> dict[Platform, tuple[str, ...]]:
    """The names that each platform's file may have in the release of a build, likeliest first.

    Raises:
        PinError: the name of a pinned file does not hold the pinned build.
    """
    return {platform: _names(pin, asset.name, tag) for platform, asset in pin.platforms.items()}


def _names(pin: Pin, pinned: str, tag: str) -> tuple[str, ...]:
    kind = next((kind for kind in _ARCHIVES if pinned.endswith(kind)), "")
    stem, count = re.subn(
        rf"(?<![0-9A-Za-z]){re.escape(pin.version)}(?![0-9A-Za-z])", tag, pinned.removesuffix(kind)
    )
    if count != 1 or not kind:
        raise PinError(
            f"pin {pin.name}: what {pinned} is called in other releases cannot be told",
            hint=f"expected a name with {pin.version} in it once, ending in {', '.join(_ARCHIVES)}",
        )
    return (stem + kind, *(stem + other for other in _ARCHIVES if other != kind))


def wanted(release: PublishedRelease, pin: Pin) -> dict[Platform, ReleaseAsset]:
    """The files for the platforms of the pin that a release has, whatever their state."""
    there = {asset.name: asset for asset in release.assets}
    found = {
        platform: next((there[name] for name in expected if name in there), None)
        for platform, expected in names(pin, tag=release.tag_name).items()
    }
    return {platform: asset for platform, asset in found.items() if asset is not None}


def whole(asset: ReleaseAsset) -> PublishedAsset | str:
    """A file that can be pinned, or what is wrong with it."""
    if asset.state != _UPLOADED:
        return f"{asset.name} is not whole yet: its state is {asset.state[:20]!a}"
    if asset.sha256 is None:
        return f"{asset.name} has no sha256 that GitHub tells, but {(asset.digest or '')[:20]!a}"
    try:
        return PublishedAsset(name=asset.name, size=asset.size, sha256=asset.sha256)
    except ValidationError:
        return f"{asset.name} is empty"


def flaws(release: PublishedRelease, pin: Pin, *, before: Collection[str] = ()) -> tuple[str, ...]:
    """What is wrong with a release, one sentence each.

    Args:
        release: of another build than the pinned one, or of that.
        pin: which platforms need a file.
        before: the names of files that it had once.
    """
    found = wanted(release, pin)
    draft = ["it is a draft"] if release.draft or release.published_at is None else []
    missing = [
        _missing(expected, before)
        for platform, expected in names(pin, tag=release.tag_name).items()
        if platform not in found
    ]
    broken = [told for asset in found.values() if isinstance(told := whole(asset), str)]
    return (*draft, *missing, *broken)


def _missing(expected: Sequence[str], before: Collection[str]) -> str:
    gone = next((name for name in expected if name in before), None)
    return f"{gone} was there before and is gone" if gone else f"{expected[0]} is not there"


def differences(release: PublishedRelease, pin: Pin) -> list[str]:
    """Where the release of the pinned build is not what the pin says, one sentence each."""
    there = {asset.name: asset for asset in release.assets}
    return [
        f"{asset.name}: the pin says {asset.size} bytes of sha256 {asset.sha256}, "
        f"GitHub says {now.size} of {now.sha256}"
        for asset in pin.platforms.values()
        if (now := there.get(asset.name)) is not None
        and (now.size, now.sha256 or asset.sha256) != (asset.size, asset.sha256)
    ]
