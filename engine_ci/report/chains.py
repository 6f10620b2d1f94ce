"""Pure. How fast each build is against the first of its chain: the product of all ratios between.

The bounds of a product: on either side the logarithms of the distances add up as errors do, by
their squares. Of one build they are the gate's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

from engine_ci.report import builds as build_report
from engine_ci.report import shifts
from engine_ci.report.shifts import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.report.builds import Build
    from engine_ci.report.shifts import Shift

# How many standard errors the gate's bounds are taken to be away: 99 % on either side. They are
# further, since its looks share the doubt, and that makes up for how few restarts they come from.
_ERRORS: Final = 2.326
# Bounds that leave no room would make anything a move: nobody measures better than this.
_LEAST: Final = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A build of a chain.

    Attributes:
        ratio: of its speed to that of the engine that the chain begins with.
        step: the same, to that of the build before.
    """

    build: Build
    step: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Builds of which each was measured against the one before.

    Attributes:
        start: the version of the engine that the first was measured against.
        moves: which of the points moved, beyond noise.
    """

    metric: str
    start: str
    points: tuple[Point, ...]
    moves: tuple[Shift, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Link:
    """A build over the one before: logarithms of the ratio, and how far away its bounds are."""

    build: Build
    size: float
    below: float
    above: float


def of(builds: Sequence[Build]) -> list[Chain]:
    """By metric the chains, the oldest first; where a measurement is missing a new one begins."""
    return [
        _chain(metric, links)
        for metric in build_report.metrics(builds)
        for links in _unbroken(builds, metric)
    ]


def _unbroken(builds: Sequence[Build], metric: str) -> Iterator[list[_Link]]:
    links: list[_Link] = []
    for build in builds:
        link = _link(build, metric)
        if links and (link is None or not _follows(build, links[-1].build)):
            yield links
            links = []
        if link:
            links.append(link)
    if links:
        yield links


def _follows(build: Build, other: Build) -> bool:
    return build.before is not None and build.before.tree_sha256 == other.engine.tree_sha256


def _link(build: Build, metric: str) -> _Link | None:
    """All measurements of it, each weighing as much as it is sure."""
    links = [
        _Link(
            build=build,
            size=math.log(item.ratio),
            below=max(math.log(item.ratio / item.low), _LEAST),
            above=max(math.log(item.high / item.ratio), _LEAST),
        )
        for item in build.measured(metric)
        if 0 < item.low <= item.ratio <= item.high
    ]
    if not links:
        return None
    weights = [1 / (link.below + link.above) ** 2 for link in links]
    return _Link(
        build=build,
        size=fmean((link.size for link in links), weights=weights),
        below=sum(link.below**-2 for link in links) ** -0.5,
        above=sum(link.above**-2 for link in links) ** -0.5,
    )


def _chain(metric: str, links: Sequence[_Link]) -> Chain:
    before = links[0].build.before
    steps = [Step(size=link.size, sigma=(link.below + link.above) / 2 / _ERRORS) for link in links]
    return Chain(
        metric=metric,
        start=before.version if before else "",
        points=tuple(_points(links)),
        moves=shifts.find(steps),
    )


def _points(links: Iterable[_Link]) -> Iterator[Point]:
    size = below = above = 0.0
    for link in links:
        size += link.size
        below, above = math.hypot(below, link.below), math.hypot(above, link.above)
        yield Point(
            build=link.build,
            step=math.exp(link.size),
            ratio=math.exp(size),
            low=math.exp(size - below),
            high=math.exp(size + above),
        )
