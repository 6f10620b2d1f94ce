"""Pure. Charts that GitHub draws from a block of Mermaid in a page; elsewhere they are short text.

Numbers and our own names make them. A name out of a record keeps its letters, digits and hyphens;
anything else could be read as Mermaid. No arrow stands in them, which could end a comment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from engine_ci.system.markdown import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.records.gate import Measurement

# How a block of it begins.
FENCE: Final = "```mermaid"
# By name: of `#0a58ca` GitHub might make a link to an issue.
_DARK, _MIDDLE, _LIGHT, _LINE = "royalblue", "cornflowerblue", "lightskyblue", "crimson"
_OTHER: Final = re.compile(r"[^A-Za-z0-9-]")
_LONGEST: Final = 24
# A ratio beyond is no speed; a wider axis shows nothing of the others.
_MOST: Final = 10.0


class _Series(NamedTuple):
    """Values that are drawn in one way."""

    kind: Literal["bar", "line"]
    colour: str
    values: Sequence[float]


def ratios(measurements: Iterable[Measurement]) -> str:
    """The ratio of each metric with its bounds, as bars one before the other; empty for none."""
    shown = {name(item.metric): item for item in measurements if _can_be_shown(item)}
    if not shown:
        return ""
    return _chart(
        "Speed over that of the baseline",
        list(shown),
        [
            _Series("bar", _LIGHT, [item.high for item in shown.values()]),
            _Series("bar", _MIDDLE, [item.ratio for item in shown.values()]),
            _Series("bar", _DARK, [item.low for item in shown.values()]),
            _Series("line", _LINE, [1.0] * len(shown)),
        ],
    )


def chain(title: str, points: Sequence[tuple[float, float, float]], *, first: int) -> str:
    """Ratios with their bounds, build after build, counted from `first`.

    Args:
        title: of our own words, with names that went through `name`.
        points: lower bound, ratio, upper bound.
        first: the number of the first.
    """
    low, ratio, high = ([*values] for values in zip(*points, strict=True))
    return _chart(
        title,
        [str(first + number) for number in range(len(points))],
        [
            _Series("line", _DARK, ratio),
            _Series("line", _LIGHT, low),
            _Series("line", _LIGHT, high),
        ],
    )


def name(text: str) -> str:
    """What a chart may call something that others named: never nothing, which is no label."""
    return inert(_OTHER.sub("_", text)[:_LONGEST]) or "_"


def _can_be_shown(item: Measurement) -> bool:
    return 0 < item.low <= item.ratio <= item.high < _MOST


def _chart(title: str, labels: Sequence[str], series: Sequence[_Series]) -> str:
    quoted = ", ".join(f'"{label}"' for label in labels)
    lines = [
        FENCE,
        "---",
        "config:",
        "  themeVariables:",
        "    xyChart:",
        f'      plotColorPalette: "{", ".join(one.colour for one in series)}"',
        "---",
        "xychart-beta",
        f'    title "{title}"',
        f"    x-axis [{quoted}]",
        '    y-axis "ratio"',
        *(f"    {one.kind} [{', '.join(map(_number, one.values))}]" for one in series),
        "```",
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.3f}"
