"""Pure. Which versions a range such as `8672..11549` or `0.1.0..0.2.0` means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine_ci.errors import UsageError
from engine_ci.releases import ordering

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.releases.ordering import PackageVersion

_BUILD = re.compile(r"(?:b|(?=[0-9]{4}))([0-9]+)")


def between(versions: Iterable[PackageVersion], span: str) -> list[PackageVersion]:
    """The versions from A to B of `A..B`, both included, oldest first.

    Args:
        versions: in any order.
        span: each end is a version of the package, upstream's build number, or nothing for no end.
            A build number stands for all packages of that build.

    Raises:
        UsageError: it is no range, or nothing lies in it.
    """
    if ".." not in span:
        raise UsageError(f"`{span}` is no range of builds", hint="write it as A..B, such as 8672..")
    found = [version for version in versions if covers(span, version)]
    if not found:
        raise UsageError(f"no version of the package lies in {span}")
    return sorted(found, key=lambda version: version.order)


def check(span: str) -> None:
    """Makes sure that a range, or a single build or version, is one.

    Raises:
        UsageError: an end is neither a version nor a build number, or there is none at all.
    """
    ends = [end for end in span.split("..", 1) if end]
    if not ends:
        raise UsageError(f"`{span}` names no version", hint="write a build, or a range as A..B")
    for end in ends:
        _limit(end)


def covers(span: str, version: PackageVersion) -> bool:
    """Whether a range holds a version, or a single build or version means it.

    Raises:
        UsageError: an end is neither a version nor a build number.
    """
    first, dots, last = span.partition("..")
    last = last if dots else first
    above = not first or _against(version, first) >= 0
    below = not last or _against(version, last) <= 0
    return above and below


def _against(version: PackageVersion, end: str) -> int:
    """Below 0 where a version comes before the end of a range, 0 at it, above 0 after it."""
    limit = _limit(end)
    if isinstance(limit, int):
        return (version.build or 0) - limit
    return (version.order > limit.order) - (version.order < limit.order)


def _limit(end: str) -> int | PackageVersion:
    """A build number, or a version."""
    if number := _BUILD.fullmatch(end):
        return int(number[1])
    limit = ordering.parse(end)
    if limit is None:
        raise UsageError(
            f"`{end}` is neither a version nor a build number",
            hint="write b11194, 0.1.2, or a range A..B",
        )
    return limit
