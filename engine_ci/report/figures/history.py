"""Pure. A place's builds as pictures: their speed as a chain, their start, memory and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from engine_ci.report import charts, history
from engine_ci.report.charts import Frame, Series
from engine_ci.report.figures.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.report.builds import Build
    from engine_ci.report.chains import Chain
    from engine_ci.report.history import Section

# A picture of more cannot be read.
MOST: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Level:
    """Something that each build has a value of.

    Attributes:
        scale: how many of what `read` gives are one of `unit`.
    """

    title: str
    caption: str
    unit: str
    scale: float
    read: Callable[[Build], float | None]
    said: Callable[[float | None], str]


def figures(section: Section, *, id_: str) -> list[Figure]:
    """Of everything that two builds at least have; `id_` tells those of several places apart."""
    return [
        *(_speed(chain, id_=f"{id_}-{at}") for at, chain in enumerate(section.pictured)),
        *_levels(section, id_=id_),
    ]


def _speed(chain: Chain, *, id_: str) -> Figure:
    points = chain.points[-MOST:]
    before = len(chain.points) - len(points)
    moved = {at for move in chain.moves for at in range(move.first, move.last + 1)}
    marks = [at - before for at in sorted(moved) if at >= before]
    caption = (
        f"Speed over that of {chain.start}, build after build: the product of all ratios between, "
        f"and its bounds.{_MARKED if marks else ''}{_left_out(before)}"
    )
    series = [
        Series(name="ratio", values=[point.ratio for point in points]),
        Series(name="lower", values=[point.low for point in points], colour=charts.BASELINE),
        Series(name="upper", values=[point.high for point in points], colour=charts.BASELINE),
    ]
    frame = Frame(name=id_, label=f"{chain.metric}: speed by build", description=caption)
    rows = (
        (
            point.build.engine.version,
            f"{point.step:.3f}",
            f"{point.ratio:.3f}",
            f"{point.low:.3f} to {point.high:.3f}",
            "yes" if at in marks else "",
        )
        for at, point in enumerate(points)
    )
    return Figure(
        title=f"Speed: {chain.metric}",
        caption=caption,
        chart=_chart(series, frame, [point.build for point in points], unit="ratio", marks=marks),
        header=("engine", "to the build before", f"to {chain.start}", "bounds", "moved"),
        rows=tuple(rows),
    )


_MARKED: Final = " A dotted line is a build that moved it beyond noise."


def _left_out(before: int) -> str:
    return f" {before} builds before these are not in it." if before else ""


def _levels(section: Section, *, id_: str) -> Iterator[Figure]:
    for number, level in enumerate(_LEVELS):
        if sum(level.read(build) is not None for build in section.builds[-MOST:]) > 1:
            yield _level(section, level, id_=f"{id_}-level-{number}")


def _level(section: Section, level: _Level, *, id_: str) -> Figure:
    builds = section.builds[-MOST:]
    values = [level.read(build) for build in builds]
    moved = [each.build for each in section.levels if each.what == level.title.lower()]
    marks = [at for at, build in enumerate(builds) if build in moved]
    caption = "".join(
        (
            level.caption,
            " A dotted line is where it went over to another level." if marks else "",
            _left_out(len(section.builds) - len(builds)),
        )
    )
    scaled = [None if value is None else value / level.scale for value in values]
    frame = Frame(name=id_, label=f"{level.title} by build", description=caption)
    return Figure(
        title=level.title,
        caption=caption,
        chart=_chart([Series(name="", values=scaled)], frame, builds, unit=level.unit, marks=marks),
        header=("engine", level.title),
        rows=tuple(
            (build.engine.version, level.said(value))
            for build, value in zip(builds, values, strict=True)
        ),
    )


def _chart(
    series: Sequence[Series],
    frame: Frame,
    builds: Sequence[Build],
    *,
    unit: str,
    marks: Sequence[int] = (),
) -> Markup:
    if not charts.available():
        return Markup()
    places = [build.engine.version for build in builds]
    return charts.lines(series, frame, places=places, unit=unit, marks=marks)


_LEVELS: Final = (
    _Level(
        title="Start",
        caption="Until the first answer with the app's own flags: the median of a build's gates.",
        unit="seconds",
        scale=1,
        read=lambda build: build.start_s,
        said=history.seconds,
    ),
    _Level(
        title="Memory",
        caption="In RAM after one start with the app's own flags: the median of a build's gates.",
        unit="MiB",
        scale=2**20,
        read=lambda build: build.resident,
        said=history.mebibytes,
    ),
    _Level(
        title="Size",
        caption="Of all files of the engine.",
        unit="MiB",
        scale=2**20,
        read=lambda build: build.size,
        said=history.mebibytes,
    ),
)
