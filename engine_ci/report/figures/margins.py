"""Pure. How sure the expected tokens are beside how far log-probabilities have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.report import charts
from engine_ci.report.charts import Frame
from engine_ci.report.figures import figure
from engine_ci.report.figures.drift import is_to_baseline
from engine_ci.report.figures.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from engine_ci.records.gate import Check, GateResult, Margins

# Nats; an axis of powers has no 0.
_LEAST: Final = 1e-7


def figures(result: GateResult) -> list[Figure]:
    """One, or none of a result of before."""
    known = [(check, check.margins) for check in result.checks if check.margins]
    return [_figure(known)] if known else []


def _figure(known: Sequence[tuple[Check, Margins]]) -> Figure:
    rows = {name: values for name, values in _rows(known) if values}
    ranges = "; ".join(
        f"{name} {min(values):.2g} to {max(values):.2g} nats" for name, values in rows.items()
    )
    caption = (
        "A token changes only where log-probabilities move by as much as it leads. A dot is a "
        f"check: {ranges}."
    )
    frame = Frame(
        name="margins",
        label="Margins of the expected tokens, and how far log-probabilities have moved",
        description=caption,
        height=figure.height(len(rows)),
    )
    return Figure(
        title="Margins",
        caption=caption,
        chart=figure.chart(lambda axes: _draw(axes, rows), frame),
        header=("check", "least margin", "largest difference"),
        rows=tuple(
            (
                check.id,
                f"{margins.margin:.2g} nats",
                "tokens only" if margins.largest is None else f"{margins.largest:.1e} nats",
            )
            for check, margins in known
        ),
    )


def _rows(known: Iterable[tuple[Check, Margins]]) -> Iterator[tuple[str, list[float]]]:
    known = list(known)
    yield "least margin", [found.margin for _, found in known if found.largest is None]
    for name, baseline in (("from the reference", False), ("from the baseline", True)):
        yield (
            name,
            [
                found.largest
                for check, found in known
                if found.largest is not None and is_to_baseline(check) is baseline
            ],
        )


def _draw(axes: Axes, rows: Mapping[str, Sequence[float]]) -> None:
    for row, (name, values) in enumerate(rows.items()):
        shown = [max(value, _LEAST) for value in values]
        colour = charts.GOOD if name == "least margin" else charts.CANDIDATE
        axes.plot(shown, [row] * len(shown), "o", color=colour, alpha=0.5, gid=f"margins-{row}")
    axes.set_xscale("log")
    figure.write_out(axes.xaxis)
    figure.name_rows(axes, list(rows))
    axes.set_xlabel("nats")
