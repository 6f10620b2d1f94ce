"""Pure. What a version says about llama.cpp's build, and which version is newer.

Upstream tags a build as `b11194`, the number being that of its commits; no other tag is a build.

A package that carries upstream's build number writes it in one of three forms:

    YYYY.M.BUILD[.REBUILD]    2026.9.10809, 2026.4.8672.1
    0.BUILD[.REBUILD]         0.10434.0
    BUILD[.0[.0]]             11434.0.0

BUILD has at least four digits, which upstream's numbers have had since packages carry them; where
it stands first it has five, which no year, month or date has. The same build packaged again is a
rebuild, and Python's post-releases are rebuilds too. Every other version says nothing about the
build, and it is never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

LEAST_BUILD = 1000
_YEARS = range(2000, 3000)
_MONTHS = range(1, 13)
_FIRST = range(10_000, 100_000)
_TAG = re.compile(r"b[1-9][0-9]{0,8}")
Order = tuple[int, int, Version]


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageVersion:
    """A version of a package.

    Attributes:
        text: as the index writes it.
        build: upstream's build number; None when the version does not say.
        rebuild: how often the same build was packaged again before this one.
        python: what Python orders versions by.
    """

    text: str
    build: int | None
    rebuild: int
    python: Version

    @property
    def order(self) -> Order:
        """What versions are compared by: the greater, the newer.

        A version without a build comes before all with one: a package begins at some time to carry
        build numbers, and no other way to compare the two kinds is an order at all.
        """
        return (self.build or 0, self.rebuild, self.python)

    def packs_again(self, other: PackageVersion) -> bool:
        """Whether it is a later package of the same build, or of the same version without one."""
        if self.order <= other.order or self.build != other.build:
            return False
        bases = (Version(each.python.base_version) for each in (self, other))
        return self.build is not None or len(set(bases)) == 1


def is_tag(text: str) -> bool:
    """Whether it is upstream's tag of a build, which `v0.4.1` is not."""
    return _TAG.fullmatch(text) is not None


def build(text: str) -> int | None:
    """The number in upstream's tag of a build; None for every other text."""
    return int(text.removeprefix("b")) if is_tag(text) else None


def tag(text: str) -> PackageVersion | None:
    """Reads upstream's tag of a build; None for every other text."""
    number = build(text)
    if number is None:
        return None
    return PackageVersion(text=text, build=number, rebuild=0, python=Version(str(number)))


def parse(text: str) -> PackageVersion | None:
    """Reads a version; None when it is not one by Python's rules, such as `b11194`."""
    try:
        python = Version(text)
    except InvalidVersion:
        return None
    build, rebuild = _build(python)
    return PackageVersion(text=text, build=build, rebuild=rebuild, python=python)


def _build(version: Version) -> tuple[int | None, int]:
    match version.release:
        case (year, month, build, *rebuilds) if year in _YEARS and month in _MONTHS:
            pass
        case (0, build, *rebuilds):
            pass
        case (build, *zeros) if build in _FIRST and not any(zeros):
            rebuilds = []
        case _:
            return None, 0
    if build < LEAST_BUILD or len(rebuilds) > 1:
        return None, 0
    return build, sum(rebuilds) or version.post or 0
