"""Pure. What both pages over builds and platforms say, from what gates left."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final, Literal

from engine_ci.report import builds, chains, levels, runs, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from engine_ci.pins.model import Hold, Pin
    from engine_ci.records.runtime import Measured
    from engine_ci.records.upstream import Names
    from engine_ci.report.builds import Build
    from engine_ci.report.chains import Chain, Point
    from engine_ci.report.runs import Place, Run
    from engine_ci.report.shifts import Shift

_DIGITS: Final = 10
_MOST_NAMES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A hold, of which pin, and whether it still counts."""

    pin: str
    hold: Hold
    counts: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A value that went over to another level.

    Attributes:
        build: that was there when it did.
        before, after: the medians of both levels, in words.
    """

    what: Literal["start", "memory"]
    build: Build
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One pin on machines of one kind: its builds and chains, the oldest first."""

    place: Place
    builds: tuple[Build, ...]
    chains: tuple[Chain, ...]
    levels: tuple[Level, ...]

    @property
    def pictured(self) -> list[Chain]:
        """Of each metric the newest chain that has more than one build."""
        longer = [chain for chain in self.chains if len(chain.points) > 1]
        return list({chain.metric: chain for chain in longer}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """All of it.

    Attributes:
        runs: the newest first.
        holds: None where nobody gave the pins.
        unread: why the others of what was kept cannot be read.
    """

    runs: tuple[Run, ...]
    sections: tuple[Section, ...]
    holds: tuple[Held, ...] | None
    unread: tuple[str, ...]


def gather(
    found: Iterable[Run], *, pins: Iterable[Pin] | None, today: date, unread: Iterable[str]
) -> History:
    """Runs in any order, and the pins as they are now, put together."""
    every = tuple(sorted(found, key=lambda run: run.started, reverse=True))
    return History(
        runs=every,
        sections=tuple(_section(place, seen) for place, seen in runs.by_place(every).items()),
        holds=None if pins is None else tuple(_held(pins, today=today)),
        unread=tuple(unread),
    )


def _section(place: Place, seen: Sequence[Run]) -> Section:
    found = builds.of(seen)
    return Section(
        place=place,
        builds=tuple(found),
        chains=tuple(chains.of(found)),
        levels=(
            *_levels("start", found, read=lambda seen: seen.start_s, said=seconds),
            *_levels("memory", found, read=lambda seen: seen.resident, said=mebibytes),
        ),
    )


def _levels(
    what: Literal["start", "memory"],
    found: Sequence[Build],
    *,
    read: Callable[[Measured], float | None],
    said: Callable[[float], str],
) -> Iterator[Level]:
    """Of all gates, since a build that was gated often is known better."""
    known = [
        (build, value)
        for build in found
        for run in build.runs
        if run.candidate.runtime and (value := read(run.candidate.runtime)) is not None
    ]
    values = [value for _, value in known]
    begins = levels.find(values)
    for before, begin, end in zip((0, *begins), begins, (*begins[1:], len(values)), strict=False):
        yield Level(
            what=what,
            build=known[begin][0],
            before=said(median(values[before:begin])),
            after=said(median(values[begin:end])),
        )


def _held(pins: Iterable[Pin], *, today: date) -> Iterator[Held]:
    for pin in pins:
        for hold in pin.holds:
            yield Held(pin=pin.name, hold=hold, counts=hold.counts_on(today))


def until(held: Held) -> str:
    """How long a hold counts, or did."""
    last = held.hold.until.isoformat() if held.hold.until else "for ever"
    return last if held.counts else f"{last}, ended"


def where(place: Place) -> str:
    """A place in words."""
    machine = ", ".join(filter(None, (place.runner, place.processor)))
    return f"{place.pin} for {place.platform} on {machine}, {place.cores} cores"


def short(commit: str) -> str:
    """The first digits of a commit, or that nobody says which it is."""
    return commit[:_DIGITS] or "unknown"


def pull(run: Run) -> str:
    """The pull request that brought it, without the sign that makes a link of its number."""
    return str(run.pull) if run.pull else "unknown"


def against(run: Run) -> str:
    """What an engine was held against."""
    if run.same_engine:
        return "itself"
    return run.baseline.version if run.baseline else "nothing"


def names(changed: Names | None) -> str:
    """What came and what went, of each the first by name."""
    if changed is None:
        return "unknown"
    told = [
        f"{how} {_listed(found)}"
        for how, found in (("new", changed.gained), ("gone", changed.lost))
        if found
    ]
    return "; ".join(told) or "the same"


def _listed(found: Sequence[str]) -> str:
    rest = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(map(summary.shortened, found[:_MOST_NAMES])) + rest


def seconds(value: float | None) -> str:
    """A time, where it is known."""
    return "unknown" if value is None else f"{value:.2f} s"


def mebibytes(value: float | None) -> str:
    """A size, where it is known."""
    return "unknown" if value is None else f"{value / 2**20:.1f} MiB"


def speeds(section: Section) -> list[list[str]]:
    """Of each build its places in the chains, in words."""
    told: dict[int, list[str]] = {id(build): [] for build in section.builds}
    for chain in section.chains:
        for point in chain.points:
            told[id(point.build)].append(_speed(chain, point))
    return list(told.values())


def _speed(chain: Chain, point: Point) -> str:
    """Over that of the build before; and over that of the first of the chain, with bounds."""
    since = f"{point.ratio:.3f} ({point.low:.3f} to {point.high:.3f}) since {chain.start}"
    return f"{chain.metric} {point.step:.3f}, {since}"


def moves(section: Section) -> list[str]:
    """The change points of speed, in words."""
    return [_moved(chain, move) for chain in section.chains for move in chain.moves]


def other_moves(section: Section) -> list[str]:
    """Those of start and memory: near a build, since a level's begin is known to a few gates."""
    return [
        f"{level.what}: {level.before} to {level.after}, near {_named(level.build)}"
        for level in section.levels
    ]


def _moved(chain: Chain, move: Shift) -> str:
    first, last = chain.points[move.first].build, chain.points[move.last].build
    change = f"{(move.ratio - 1) * 100:+.1f} %"
    if first is last:
        return f"{chain.metric}: {change} with {_named(first)}"
    return f"{chain.metric}: {change} from {_named(first)} to {_named(last)}, bit by bit"


def _named(build: Build) -> str:
    brought = f" (pull request {build.first.pull})" if build.first.pull else ""
    return f"{build.engine.version}{brought}"
