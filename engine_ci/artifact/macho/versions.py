"""Which systems an image is for: the platform, the oldest version that loads it, and the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import commands
from engine_ci.artifact.macho.commands import LC
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from engine_ci.artifact.macho.layout import Command, Slice

MACOS = "macos"
_PLATFORMS = {
    1: MACOS,
    2: "ios",
    3: "tvos",
    4: "watchos",
    6: "mac-catalyst",
    7: "ios-simulator",
    8: "tvos-simulator",
    9: "watchos-simulator",
    10: "driverkit",
    11: "visionos",
    12: "visionos-simulator",
}
_OLDER = {
    LC.VERSION_MIN_MACOSX: MACOS,
    LC.VERSION_MIN_IPHONEOS: "ios",
    LC.VERSION_MIN_TVOS: "tvos",
    LC.VERSION_MIN_WATCHOS: "watchos",
}


class Version(NamedTuple):
    """A version as Apple packs it; compares as a tuple does."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def unpacked(cls, number: int) -> Version:
        """From 16, 8 and 8 bits."""
        return cls(number >> 16, number >> 8 & 0xFF, number & 0xFF)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" + (f".{self.patch}" if self.patch else "")


class Build(NamedTuple):
    """The oldest version of a platform that loads an image, and the SDK that it was made with."""

    platform: str
    minimum_os: Version
    sdk: Version


def builds(of: Slice) -> tuple[Build, ...]:
    """One for each platform, in order; MachOError when two are for one platform."""
    found = tuple(_build(of, command) for command in of.all(LC.BUILD_VERSION, *_OLDER))
    if len({build.platform for build in found}) < len(found):
        raise MachOError("expected one minimum system version for each platform, found two")
    return found


def _build(of: Slice, command: Command) -> Build:
    body, kind = of.body(command), LC(command.cmd)
    if kind in _OLDER:
        old = commands.VERSION_MIN.read(body, 0, what=f"{kind.name} command")
        return _unpacked(_OLDER[kind], old.minimum_os, old.sdk)
    new = commands.BUILD_VERSION.read(body, 0, what="BUILD_VERSION command")
    platform = _PLATFORMS.get(new.platform, f"platform {new.platform}")
    return _unpacked(platform, new.minimum_os, new.sdk)


def _unpacked(platform: str, minimum_os: int, sdk: int) -> Build:
    return Build(
        platform=platform, minimum_os=Version.unpacked(minimum_os), sdk=Version.unpacked(sdk)
    )
