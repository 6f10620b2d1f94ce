"""Pure. Memory and start time of both engines, with the app's own flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from engine_ci.report import charts, summary
from engine_ci.report.charts import Frame
from engine_ci.report.figures import figure
from engine_ci.report.figures.figure import EQUAL, Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes

    from engine_ci.records.gate import GateResult
    from engine_ci.records.runtime import Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """One thing that was measured of the candidate, and of the baseline too if that could be."""

    name: str
    said: Callable[[float], str]
    before: float | None
    now: float

    @property
    def ratio(self) -> float | None:
        return self.now / self.before if self.before else None


def figures(result: GateResult) -> list[Figure]:
    """One, or none where nothing was measured."""
    baseline = result.engines.baseline
    before = baseline.runtime if baseline else None
    now = result.engines.candidate.runtime
    readings = list(_readings(before, now)) if now else []
    return [_figure(readings)] if readings else []


def _readings(before: Measured | None, now: Measured) -> Iterator[_Reading]:
    for name, said, read in _READ:
        value = read(now)
        if value is not None:
            earlier = read(before) if before else None
            yield _Reading(name=name, said=said, before=earlier, now=value)


def _figure(readings: Sequence[_Reading]) -> Figure:
    compared = [reading for reading in readings if reading.ratio is not None]
    frame = Frame(
        name="runtime",
        label="Memory and start time of the candidate over those of the baseline",
        description="; ".join(f"{each.name} {_moved(each)}" for each in compared),
        height=figure.height(len(compared)),
    )
    return Figure(
        title="Memory and start time",
        caption="One start with the app's own flags, its files in memory already: what it was "
        "before, what it is now, and their ratio. The checks of memory and of starting judge.",
        chart=figure.chart(lambda axes: _draw(axes, compared), frame) if compared else Markup(),
        header=("measured", "baseline", "candidate", "ratio"),
        rows=tuple(
            (
                each.name,
                "not measured" if each.before is None else each.said(each.before),
                each.said(each.now),
                "" if each.ratio is None else f"{each.ratio:.2f}",
            )
            for each in readings
        ),
    )


def _moved(reading: _Reading) -> str:
    return f"{reading.said(reading.before or 0)} → {reading.said(reading.now)}"


def _draw(axes: Axes, compared: Sequence[_Reading]) -> None:
    ratios = [reading.ratio or EQUAL for reading in compared]
    axes.axvline(EQUAL, color=charts.INK, linewidth=0.8)
    for row, ratio in enumerate(ratios):
        axes.hlines(row, EQUAL, ratio, color=charts.CANDIDATE, linewidth=3)
    axes.plot(ratios, range(len(ratios)), "o", color=charts.CANDIDATE, markersize=7, gid="ratios")
    figure.name_rows(axes, [f"{reading.name}\n{_moved(reading)}" for reading in compared])
    axes.margins(x=0.2)
    axes.set_xlabel("candidate ÷ baseline")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _rate(per_s: float) -> str:
    return f"{per_s:.0f} tokens/s"


_READ: Final[tuple[tuple[str, Callable[[float], str], Callable[[Measured], float | None]], ...]] = (
    ("model loaded", _milliseconds, lambda found: found.load_s),
    ("first answer", _milliseconds, lambda found: found.start_s),
    ("first token", _milliseconds, lambda found: found.first_token_s),
    ("generation", _rate, lambda found: found.tokens_per_s),
    ("memory in RAM", summary.size, lambda found: found.resident),
    ("memory of no file", summary.size, lambda found: found.anonymous),
)
