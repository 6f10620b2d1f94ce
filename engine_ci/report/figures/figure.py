"""Pure. What every figure has, whatever it shows.

Without the extra `report` there is no chart, and the numbers stand for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypedDict

from markupsafe import Markup

from engine_ci.records.gate import Status
from engine_ci.report import charts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from engine_ci.report.charts import Frame


class _Line(TypedDict):
    color: str
    linestyle: Literal["--"]
    linewidth: float


# Of a candidate that is as its baseline.
EQUAL: Final = 1.0
LIMIT: Final[_Line] = {"color": charts.BAD, "linestyle": "--", "linewidth": 1.4}
COLOURS: Final[Mapping[Status, str]] = {Status.FAIL: charts.BAD, Status.WARN: charts.DOUBT}

_ROW: Final = 36
_AROUND: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A picture and its numbers.

    Attributes:
        caption: what to see in it.
        chart: empty without the extra `report`.
        header, rows: the numbers.
    """

    title: str
    caption: str
    chart: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def chart(draw: Callable[[Axes], None], frame: Frame) -> Markup:
    """A chart where there can be one."""
    return charts.chart(draw, frame) if charts.available() else Markup()


def height(rows: int) -> int:
    """Of a chart with so many rows, in CSS pixels."""
    return _AROUND + _ROW * rows


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Makes a row of the chart for each name, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def write_out(powers: Axis) -> None:
    """Writes numbers at an axis of powers, which matplotlib would set as mathematics.

    Those between two powers are shown where the axis has few powers.
    """
    from matplotlib.ticker import LogFormatter  # noqa: PLC0415 - an extra, and slow to load

    powers.set_major_formatter("{x:g}")
    powers.set_minor_formatter(LogFormatter())
