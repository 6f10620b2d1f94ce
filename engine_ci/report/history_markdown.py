"""Pure. The page over builds and platforms as Markdown, for a step's page and `history.md`.

What others wrote stands in it as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.report import history, markdown, mermaid, summary
from engine_ci.system.markdown import cell, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.records.gate import Measurement
    from engine_ci.report.builds import Build
    from engine_ci.report.chains import Chain
    from engine_ci.report.history import Held, History, Section
    from engine_ci.report.runs import Run

# A picture of more cannot be read.
_MOST_POINTS: Final = 30
_RUNS: Final = ("when", "commit", "results", "engine", "held against", "verdict", "checks", "speed")
_BUILDS: Final = (
    "build", "first seen", "engine", "pull request", "held against", "verdict", "speed", "start",
    "memory", "size", "flags", "files and libraries",
)  # fmt: skip
_HOLDS: Final = ("pin", "held", "why", "until")


def render(found: History) -> str:
    """The whole page: builds first, every run last."""
    return "\n\n".join(_paragraphs(found)) + "\n"


def _paragraphs(found: History) -> Iterator[str]:
    yield "## What the gate said of the main branch"
    if not found.runs:
        yield "Nothing yet."
    for section in found.sections:
        yield from _section(section)
    yield from _holds(found.holds)
    if found.runs:
        yield "### Every run"
        yield markdown.table(_RUNS, [_run(run) for run in found.runs])
    if found.unread:
        yield "Left out, since it cannot be read:"
        yield "\n".join(f"- {plain(why)}" for why in found.unread)


def _section(section: Section) -> Iterator[str]:
    yield f"### {plain(history.where(section.place))}"
    told = zip(section.builds, history.speeds(section), strict=True)
    rows = [_build(number, *each) for number, each in enumerate(told, 1)]
    yield markdown.table(_BUILDS, rows[::-1])
    yield from _moves(section)
    for chain in section.pictured:
        yield _picture(chain, first=section.builds.index(chain.points[0].build) + 1)


def _moves(section: Section) -> Iterator[str]:
    if moved := history.moves(section):
        yield "Speed moved:"
        yield "\n".join(f"- {plain(move)}" for move in moved)
    elif section.chains:
        yield "No build moved the speed beyond noise."
    else:
        yield "Speed was not measured."
    if moved := history.other_moves(section):
        yield "Went over to another level:"
        yield "\n".join(f"- {plain(move)}" for move in moved)


def _picture(chain: Chain, *, first: int) -> str:
    """It begins with what the first build was held against."""
    title = f"{mermaid.name(chain.metric)}: speed, build after build"
    points = [(1.0, 1.0, 1.0), *((point.low, point.ratio, point.high) for point in chain.points)]
    left_out = max(0, len(points) - _MOST_POINTS)
    return mermaid.chain(title, points[left_out:], first=first - 1 + left_out)


def _build(number: int, build: Build, speeds: Sequence[str]) -> list[str]:
    run = build.first
    return [
        str(number),
        f"{run.started:%Y-%m-%d %H:%M}",
        cell(run.candidate.version),
        history.pull(run),
        _against(run),
        _verdict(build.runs[-1]),
        ", ".join(map(cell, speeds)) or "not measured",
        history.seconds(build.start_s),
        history.mebibytes(build.resident),
        history.mebibytes(build.size),
        cell(history.names(build.flags)),
        cell(history.names(build.files)),
    ]


def _holds(holds: Sequence[Held] | None) -> Iterator[str]:
    yield "### Holds"
    if holds is None:
        yield "Unknown: no configuration was given."
    elif not holds:
        yield "None."
    else:
        yield markdown.table(_HOLDS, [_hold(held) for held in holds])


def _hold(held: Held) -> list[str]:
    return [
        cell(held.pin),
        cell(held.hold.version),
        cell(summary.shortened(held.hold.reason)),
        history.until(held),
    ]


def _run(run: Run) -> list[str]:
    return [
        f"{run.started:%Y-%m-%d %H:%M}",
        history.short(run.commit),
        cell(run.name),
        cell(run.candidate.version),
        _against(run),
        _verdict(run),
        run.tally,
        _speed(run.performance),
    ]


def _against(run: Run) -> str:
    told = history.against(run)
    return told if run.same_engine else cell(told)


def _verdict(run: Run) -> str:
    return f"{markdown.SIGNS[run.verdict]} {run.verdict}"


def _speed(measured: Iterable[Measurement]) -> str:
    """Over that of the engine before, with the bounds."""
    told = [f"{cell(each.metric)} {each.ratio:.3f} ({summary.bounds(each)})" for each in measured]
    return ", ".join(told) or "not measured"
