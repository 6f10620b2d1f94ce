"""Pure. How far log-probabilities have moved, position by position, and how far they may.

What is drawn as the least may be less: an axis of powers has no 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from engine_ci.report import charts
from engine_ci.report.charts import Frame
from engine_ci.report.figures import figure
from engine_ci.report.figures.figure import COLOURS, LIMIT, Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from engine_ci.records.gate import Check, GateResult

_LEAST: Final = 1e-4
_STYLES: Final = ("-", "--", ":")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Curve:
    """What a check has measured, position by position, as shares of what passes."""

    check: Check
    passes: float
    positions: tuple[float, ...]
    largest: float

    @property
    def peak(self) -> float:
        return max(self.positions)

    @property
    def drawn(self) -> list[float]:
        return [max(share, _LEAST) for share in self.positions]


def figures(result: GateResult) -> list[Figure]:
    """From the reference and from the baseline; nothing of results of before."""
    curves = sorted(
        (curve for check in result.checks if (curve := _curve(check))),
        key=lambda curve: -curve.peak,
    )
    from_baseline = [curve for curve in curves if is_to_baseline(curve.check)]
    from_reference = [curve for curve in curves if not is_to_baseline(curve.check)]
    return [
        *([_figure(from_reference, "reference")] if from_reference else []),
        *([_figure(from_baseline, "baseline")] if from_baseline else []),
    ]


def is_to_baseline(check: Check) -> bool:
    """Whether it holds the candidate against the baseline."""
    return "/baseline-" in check.id


def _curve(check: Check) -> _Curve | None:
    found = check.margins
    if found is None or not found.positions or not found.passes or found.largest is None:
        return None
    shares = tuple(each / found.passes for each in found.positions)
    return _Curve(check=check, passes=found.passes, positions=shares, largest=found.largest)


def _figure(curves: Sequence[_Curve], against: Literal["reference", "baseline"]) -> Figure:
    named = [curve for curve in curves[: len(_STYLES)] if curve.peak]
    furthest = ", ".join(curve.check.id for curve in named)
    caption = (
        f"A line is one of {len(curves)} checks: how far log-probabilities are from those of the "
        f"{against}, as a share of what passes on average. "
        + (f"Furthest: {furthest}." if named else "None has moved at all.")
    )
    frame = Frame(
        name=f"drift-{against}",
        label=f"Drift from the {against}, by position",
        description=caption,
        height=280,
    )
    return Figure(
        title=f"Drift from the {against}",
        caption=caption,
        chart=figure.chart(lambda axes: _draw(axes, curves, named), frame),
        header=("check", "status", "passes up to", "furthest", "largest difference"),
        rows=tuple(_row(curve) for curve in curves),
    )


def _row(curve: _Curve) -> tuple[str, ...]:
    furthest = curve.positions.index(curve.peak) + 1
    return (
        curve.check.id,
        str(curve.check.status),
        f"{curve.passes:.0e} nats",
        f"{curve.peak:.2g} of it at token {furthest}",
        f"{curve.largest:.1e} nats",
    )


def _draw(axes: Axes, curves: Sequence[_Curve], named: Sequence[_Curve]) -> None:
    for number, curve in enumerate(curves):
        colour = COLOURS.get(curve.check.status, charts.BASELINE)
        places = range(1, len(curve.drawn) + 1)
        axes.plot(places, curve.drawn, color=colour, linewidth=0.7, gid=f"check-{number}")
    for style, curve in zip(_STYLES, named, strict=False):
        axes.plot(
            range(1, len(curve.drawn) + 1),
            curve.drawn,
            linestyle=style,
            color=COLOURS.get(curve.check.status, charts.CANDIDATE),
            linewidth=2,
            label=charts.text(curve.check.id.removeprefix("drift/")),
        )
    axes.axhline(1, gid="limit", **LIMIT)
    axes.set_yscale("log")
    figure.write_out(axes.yaxis)
    axes.set_ylim(_LEAST / 2, 3 * max(1, curves[0].peak))
    axes.set_xlabel("generated token")
    axes.set_ylabel("drift ÷ what passes")
    if named:
        axes.figure.legend(loc="outside upper left", fontsize="small")
