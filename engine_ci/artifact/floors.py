"""Pure. The oldest systems that an engine must run on: as the app says, else as its wheel promises.

A wheel's name ends with the systems that it is for: `manylinux_2_28` runs wherever glibc is 2.28 or
newer, `macosx_11_0` from macOS 11.0 on. pip installs it there, whatever is inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.pins.model import Platform

_WHEEL: Final = ".whl"
# The names of a time when glibc's version was not in them (PEP 600 says what they stand for).
_OLDER_NAMES: Final = {
    "manylinux1": "manylinux_2_5",
    "manylinux2010": "manylinux_2_12",
    "manylinux2014": "manylinux_2_17",
}
_TAG: Final = re.compile(r"(manylinux|macosx)_(\d+)_(\d+)_(\w+)")
_PROCESSORS: Final[Mapping[Platform, tuple[str, ...]]] = {
    "ubuntu-x64": ("x86_64",),
    "macos-arm64": ("arm64", "universal2"),
    "macos-x64": ("x86_64", "universal2", "intel"),
    "windows-arm64": (),
    "windows-x64": (),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The oldest version of one system.

    Attributes:
        version: as the system counts, `13.4`.
        who: who says so, as a clause.
    """

    version: str
    who: str

    @property
    def parts(self) -> tuple[int, ...]:
        """The version as numbers, which can be compared."""
        return tuple(map(int, self.version.split(".")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Floors:
    """The oldest versions of all systems; None where nobody says.

    Attributes:
        glibc: of Linux, `2.28`.
        glibcxx: of libstdc++, `3.4.25`.
    """

    macos: Floor | None = None
    glibc: Floor | None = None
    glibcxx: Floor | None = None

    def or_else(self, others: Floors) -> Floors:
        """These, and those of the others where there is none here."""
        return Floors(
            macos=self.macos or others.macos,
            glibc=self.glibc or others.glibc,
            glibcxx=self.glibcxx or others.glibcxx,
        )


NO_FLOORS: Final = Floors()


def of_app(
    *, macos: str | None = None, glibc: str | None = None, glibcxx: str | None = None
) -> Floors:
    """The floors that an app's configuration names."""
    return Floors(
        macos=_said(macos, "the app runs on {}"),
        glibc=_said(glibc, "the app runs with {}"),
        glibcxx=_said(glibcxx, "the app runs with {}"),
    )


def promised(name: str, *, platform: Platform) -> Floors:
    """The floors that the name of a wheel promises; none where the file is no wheel.

    Of several tags for one processor the oldest counts: each of them is a promise.
    """
    oldest: dict[str, Floor] = {}
    for system, floor in _promises(name, processors=_PROCESSORS[platform]):
        oldest[system] = min(oldest.get(system, floor), floor, key=lambda each: each.parts)
    return Floors(macos=oldest.get("macosx"), glibc=oldest.get("manylinux"))


def _said(version: str | None, clause: str) -> Floor | None:
    return None if version is None else Floor(version=version, who=clause.format(version))


def _promises(name: str, *, processors: tuple[str, ...]) -> Iterator[tuple[str, Floor]]:
    """What each platform tag promises, by the tag's first word."""
    if not name.endswith(_WHEEL):
        return
    for tag in name.removesuffix(_WHEEL).rpartition("-")[2].split("."):
        older, _, processor = tag.partition("_")
        newer = _OLDER_NAMES.get(older)
        match = _TAG.fullmatch(f"{newer}_{processor}" if newer else tag)
        if match is not None and match[4] in processors:
            version = f"{match[2]}.{match[3]}"
            who = f"the wheel's tag {tag} promises {version}"
            yield match[1], Floor(version=version, who=who)
