"""Pure. Charts for our pages: matplotlib draws, and the page that a chart stands in colours it.

A chart is one `<svg>` element for a page that defines the variables of `COLOURS` for light and dark
screens and for paper. Its text is text, its ids begin with its own name, and equal data gives equal
bytes. matplotlib is the extra `report`, and is loaded when it draws.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from markupsafe import Markup

from engine_ci.system.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

# matplotlib is given these; in the page each is the variable of that name.
INK: Final = "#010000"
QUIET: Final = "#020000"
LINE: Final = "#030000"
CANDIDATE: Final = "#040000"
BASELINE: Final = "#050000"
GOOD: Final = "#060000"
DOUBT: Final = "#070000"
BAD: Final = "#080000"
COLOURS: Final[Mapping[str, str]] = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    LINE: "var(--line)",
    CANDIDATE: "var(--candidate)",
    BASELINE: "var(--baseline)",
    GOOD: "var(--pass)",
    DOUBT: "var(--warn)",
    BAD: "var(--fail)",
}

# CSS pixels: as wide as a narrow phone shows it, so that its text is never shrunk by much.
WIDTH: Final = 380
HEIGHT: Final = 240
_PER_INCH: Final = 72
_LONGEST: Final = 40
_PLACES: Final = 5

_STYLE: Final[Mapping[RcKeyType, object]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "engine-ci",
    "text.parse_math": False,  # a name with a dollar is a name
    "font.size": 11,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "legend.frameon": False,
    "lines.markersize": 4,
}
_NUMBER: Final = re.compile(r"-?\d+\.\d+")
_FONT: Final = re.compile(r"font-family: [^;]*;? ?")
_REFERENCE: Final = re.compile(r"url\(#|^#")


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Values in one colour, one for each place of the horizontal axis; None where there is none."""

    name: str
    values: Sequence[float | None]
    colour: str = CANDIDATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What is around a chart.

    Attributes:
        name: of the chart in its page, where it is an id.
        label: what a screen reader calls it.
        description: what a screen reader says of it.
        width, height: in CSS pixels, where nothing makes it wider.
    """

    name: str
    label: str
    description: str
    width: int = WIDTH
    height: int = HEIGHT


def available() -> bool:
    """Whether the extra `report` is installed."""
    return find_spec("matplotlib") is not None


def chart(draw: Callable[[Axes], object], frame: Frame) -> Markup:
    """One chart; `draw` puts onto the axes what is shown, in colours of `COLOURS`."""
    root = ET.fromstring(_svg(draw, frame))  # noqa: S314 - matplotlib wrote it
    _strip(root)
    for element in root.iter():
        _adapt(element, frame.name)
    # It is as wide as its place in the page; the box keeps its proportions.
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-label": visible(frame.label),
        "aria-describedby": f"{frame.name}-description",
    }
    said = ET.Element("desc", id=f"{frame.name}-description")
    said.text = visible(frame.description)
    root.insert(0, said)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - ElementTree has escaped it


def lines(
    series: Sequence[Series],
    frame: Frame,
    *,
    places: Sequence[str],
    unit: str = "",
    limit: float | None = None,
    marks: Sequence[int] = (),
) -> Markup:
    """Points joined by lines, over named places.

    Args:
        series: each as long as `places`.
        frame: what is around them.
        places: what stands under the points; some of them where they are many.
        unit: what the vertical axis counts.
        limit: drawn across, where there is one.
        marks: numbers of places at which something changed.
    """

    def draw(axes: Axes) -> None:
        for number in marks:
            axes.axvline(number, color=DOUBT, linewidth=1, linestyle=":", gid=f"mark-{number}")
        if limit is not None:
            axes.axhline(limit, color=BAD, linewidth=1.2, linestyle="--", gid="limit")
        for number, one in enumerate(series):
            axes.plot(_numbers(one), "o-", color=one.colour, label=text(one.name), linewidth=1.2)
            axes.lines[-1].set_gid(f"series-{number}")
        axes.set_ylabel(text(unit))
        shown = range(0, len(places), max(1, len(places) // _PLACES))
        axes.set_xticks(shown, [text(places[number]) for number in shown], rotation=30, ha="right")
        if len(series) > 1:
            axes.legend(loc="best", fontsize="small")

    return chart(draw, frame)


def text(words: str) -> str:
    """What may stand in a chart of a name that others chose: one short line that can be seen."""
    shown = visible(" ".join(words.split()))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _numbers(series: Series) -> list[float]:
    return [math.nan if value is None else value for value in series.values]


def _svg(draw: Callable[[Axes], object], frame: Frame) -> str:
    """What matplotlib writes, whatever is set up on this machine."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to load

    written = io.StringIO()
    size = (frame.width / _PER_INCH, frame.height / _PER_INCH)
    with mpl.rc_context(), warnings.catch_warnings():
        # A name may have characters that the font it is measured with lacks; the page's has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    return written.getvalue()


def _strip(element: ET.Element) -> None:
    """Takes out what is for files of their own, and a style that would reach the whole page."""
    for child in list(element):
        if _local(child.tag) in ("metadata", "style"):
            element.remove(child)
        else:
            _strip(child)


def _adapt(element: ET.Element, name: str) -> None:
    """Names, colours and font become those of the page; the digits no eye can tell go."""
    element.tag = _local(element.tag)
    element.attrib = {
        _local(key): _adapted(_local(key), value, name) for key, value in element.items()
    }
    element.text = element.text if element.tag == "text" else None
    element.tail = None


def _adapted(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "style":
        return _coloured(_FONT.sub("", value))
    named = _REFERENCE.sub(lambda found: f"{found[0]}{name}-", value)
    return _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", " ".join(named.split()))


def _coloured(style: str) -> str:
    for colour, variable in COLOURS.items():
        style = style.replace(colour, variable)
    return style


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
