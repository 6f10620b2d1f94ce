"""Pure. The page over builds and platforms as one HTML file, made like that of a gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.report import charts, history, html, summary
from engine_ci.report.figures import history as pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.report.builds import Build
    from engine_ci.report.figures.figure import Figure
    from engine_ci.report.history import Held, History, Section
    from engine_ci.report.runs import Run

# The Markdown has every one; a page of thousands is of no use to anybody.
MOST_RUNS: Final = 200
_BUILDS: Final = (
    "engine", "build", "first seen", "pull request", "held against", "verdict", "speed", "start",
    "memory", "size", "flags", "files and libraries",
)  # fmt: skip
_HOLDS: Final = ("held", "pin", "why", "until")
_RUNS: Final = ("results", "when", "commit", "engine", "held against", "verdict", "checks", "speed")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """What the page says of one place."""

    id: str
    where: str
    measured: bool
    moves: Sequence[str]
    other_moves: Sequence[str]
    figures: Sequence[Figure]
    builds: Sequence[Sequence[str]]


def render(found: History) -> str:
    """The whole page: builds first, runs last."""
    return html.template("history.html.j2").render(
        history=found,
        charts=charts,
        count=sum(len(section.builds) for section in found.sections),
        places=[_place(section, number) for number, section in enumerate(found.sections)],
        builds=_BUILDS,
        holds=(_HOLDS, [_hold(held) for held in found.holds or ()]),
        runs=(_RUNS, [_run(run) for run in found.runs[:MOST_RUNS]]),
        more=max(0, len(found.runs) - MOST_RUNS),
    )


def _place(section: Section, number: int) -> _Place:
    told = zip(section.builds, history.speeds(section), strict=True)
    rows = [_build(at, *each) for at, each in enumerate(told, 1)]
    return _Place(
        id=f"place-{number}",
        where=history.where(section.place),
        measured=bool(section.chains),
        moves=history.moves(section),
        other_moves=history.other_moves(section),
        figures=pictures.figures(section, id_=f"place-{number}"),
        builds=rows[::-1],
    )


def _build(number: int, build: Build, speeds: Sequence[str]) -> tuple[str, ...]:
    run = build.first
    return (
        run.candidate.version,
        str(number),
        f"{run.started:%Y-%m-%d %H:%M}",
        history.pull(run),
        history.against(run),
        str(build.runs[-1].verdict),
        "; ".join(speeds) or "not measured",
        history.seconds(build.start_s),
        history.mebibytes(build.resident),
        history.mebibytes(build.size),
        history.names(build.flags),
        history.names(build.files),
    )


def _hold(held: Held) -> tuple[str, ...]:
    return (
        held.hold.version,
        held.pin,
        summary.shortened(held.hold.reason),
        history.until(held),
    )


def _run(run: Run) -> tuple[str, ...]:
    measured = (
        f"{item.metric} {item.ratio:.3f} ({summary.bounds(item)})" for item in run.performance
    )
    return (
        run.name,
        f"{run.started:%Y-%m-%d %H:%M}",
        history.short(run.commit),
        run.candidate.version,
        history.against(run),
        str(run.verdict),
        run.tally,
        ", ".join(measured) or "not measured",
    )
