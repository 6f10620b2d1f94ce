"""Pure. Speed as pictures: all metrics at a glance, then every pair of each."""

from __future__ import annotations

from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Final

from engine_ci.report import charts, summary
from engine_ci.report.charts import Frame
from engine_ci.report.figures import figure
from engine_ci.report.figures.figure import EQUAL, LIMIT, Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from engine_ci.records.gate import GateResult, Measurement

_COLOURS: Final = {
    "ok": charts.GOOD,
    "improved": charts.GOOD,
    "inconclusive": charts.DOUBT,
    "regressed": charts.BAD,
}
# Ratios further out, in spans of the bounds, the limit and 1, are drawn at the edge.
_REACH: Final = 3.0
_AXIS: Final = "candidate ÷ baseline"


def figures(result: GateResult) -> list[Figure]:
    """None where nothing was measured; the pairs are not in results of before."""
    measured = result.performance
    detailed = [each for each in measured if each.samples]
    return [
        *([_overview(measured)] if measured else []),
        *(_pairs(each, number) for number, each in enumerate(detailed)),
    ]


def _overview(measured: Sequence[Measurement]) -> Figure:
    frame = Frame(
        name="speed",
        label="Speed of the candidate over that of the baseline, by metric",
        description="; ".join(f"{each.metric} {_said(each)}" for each in measured),
        height=figure.height(len(measured)),
    )
    return Figure(
        title="All metrics",
        caption="Speed of the candidate over that of the baseline: above 1 is faster. A dot is "
        "the ratio, its bar the bounds, dashed the limit. Of each metric then: a dot is a pair, "
        "a short bar the median of a restart, the band the bounds.",
        chart=figure.chart(lambda axes: _draw_overview(axes, measured), frame),
        header=("metric", "ratio", "bounds", "limit", "pairs", "restarts", "verdict"),
        rows=tuple(_row(each) for each in measured),
    )


def _row(measured: Measurement) -> tuple[str, ...]:
    return (
        measured.metric,
        f"{measured.ratio:.3f}",
        summary.bounds(measured),
        "unknown" if measured.limit is None else f"{measured.limit:g}",
        str(measured.pairs),
        str(measured.restarts),
        measured.verdict,
    )


def _draw_overview(axes: Axes, measured: Sequence[Measurement]) -> None:
    axes.axvline(EQUAL, color=charts.INK, linewidth=0.8)
    for row, each in enumerate(measured):
        colour = _COLOURS[each.verdict]
        axes.hlines(row, each.low, each.high, color=colour, linewidth=3, gid=f"bounds-{row}")
        axes.plot([each.ratio], [row], "o", color=colour, markersize=7, gid=f"ratio-{row}")
        if each.limit is not None:
            axes.vlines(each.limit, row - 0.4, row + 0.4, gid=f"limit-{row}", **LIMIT)
    figure.name_rows(axes, [charts.text(each.metric) for each in measured])
    axes.set_xlabel(_AXIS)


def _pairs(measured: Measurement, number: int) -> Figure:
    ratios = list(chain.from_iterable(measured.samples))
    low, high = _edges(measured)
    slower = sum(ratio < EQUAL for ratio in ratios)
    outside = sum(not low <= ratio <= high for ratio in ratios)
    caption = f"{_said(measured)}; {slower} of {measured.pairs} pairs were slower." + (
        f" Drawn at the edge, since further out: {outside}." if outside else ""
    )
    frame = Frame(
        name=f"speed-{number}", label=f"Each pair of {measured.metric}", description=caption
    )
    return Figure(
        title=measured.metric,
        caption=caption,
        chart=figure.chart(lambda axes: _draw_pairs(axes, measured), frame),
        header=("restart", "median", "pairs"),
        rows=tuple(
            (str(restart), f"{median(pairs):.3f}", ", ".join(f"{ratio:.3f}" for ratio in pairs))
            for restart, pairs in enumerate(measured.samples, start=1)
        ),
    )


def _said(measured: Measurement) -> str:
    limit = "" if measured.limit is None else f", limit {measured.limit:g}"
    bounds = summary.bounds(measured)
    return f"{measured.ratio:.3f} ({bounds}{limit}), {measured.verdict}"


def _draw_pairs(axes: Axes, measured: Measurement) -> None:
    low, high = _edges(measured)

    def inside(ratio: float) -> float:
        return min(max(ratio, low), high)

    axes.axhspan(measured.low, measured.high, color=charts.CANDIDATE, alpha=0.18, gid="bounds")
    axes.axhline(EQUAL, color=charts.INK, linewidth=0.8)
    if measured.limit is not None:
        axes.axhline(measured.limit, gid="limit", **LIMIT)
    for restart, pairs in enumerate(measured.samples, start=1):
        x = [restart + (pair + 0.5) / len(pairs) - 0.5 for pair in range(len(pairs))]
        y = list(map(inside, pairs))
        axes.plot(x, y, "o", color=charts.CANDIDATE, markersize=3.5, gid=f"pairs-{restart}")
        ends = (restart - 0.45, restart + 0.45)
        axes.hlines(inside(median(pairs)), *ends, color=charts.INK, linewidth=1.6)
    axes.set_ylim(low - (high - low) / 30, high + (high - low) / 30)
    axes.set_xlim(0.3, len(measured.samples) + 0.7)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("restart")
    axes.set_ylabel(_AXIS)


def _edges(measured: Measurement) -> tuple[float, float]:
    """The ratios between which a pair is drawn where it is; with something between them."""
    ratios = list(chain.from_iterable(measured.samples))
    shown = (measured.low, measured.high, EQUAL, measured.limit or EQUAL)
    low, high = min(shown), max(shown)
    reach = _REACH * max(high - low, 0.01)
    return min(low, max(min(ratios), low - reach)), max(high, min(max(ratios), high + reach))
