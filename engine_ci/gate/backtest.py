"""Pure. Which builds a backtest gates against which, what is left to do, and how it reads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.gate.judge import is_fatal
from engine_ci.records.backtest import Outcome
from engine_ci.records.gate import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from engine_ci.records.gate import GateResult, Host

_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A build to gate, and those that came before it.

    Attributes:
        build: upstream's number; None where the version does not say.
        predecessors: versions, newest first; the first that runs is the baseline.
    """

    version: str
    build: int | None
    predecessors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What every build of a backtest is asked, and from which package it is."""

    package: str
    adapter: str
    suites: tuple[str, ...]


def pairs(builds: Mapping[str, int | None], *, chosen: Collection[str]) -> list[Pair]:
    """A pair for each chosen version, oldest first.

    Args:
        builds: every version that there is, oldest first, with its build where it says so.
        chosen: the versions to gate.
    """
    versions = list(builds)
    return [
        Pair(version=version, build=builds[version], predecessors=tuple(versions[:number][::-1]))
        for number, version in enumerate(versions)
        if version in chosen
    ]


def remaining(every: Iterable[Pair], stored: Iterable[Outcome], asked: Asked) -> list[Pair]:
    """The pairs that no stored outcome answers; one that ended in an error is tried again."""
    finished = {
        outcome.version
        for outcome in stored
        if outcome.verdict is not Verdict.ERROR
        and (outcome.package, outcome.adapter, outcome.suites)
        == (asked.package, asked.adapter, asked.suites)
    }
    return [pair for pair in every if pair.version not in finished]


def matrix(left: Iterable[Pair]) -> str:
    """A `strategy.matrix` of GitHub Actions, as JSON: one job for each build that is left."""
    jobs = [{"version": pair.version, "builds": f"{pair.version}..{pair.version}"} for pair in left]
    return json.dumps({"include": jobs})


def gated(pair: Pair, asked: Asked, result: GateResult, *, baseline: str | None) -> Outcome:
    """The outcome of a pair whose gate ran."""
    return Outcome(
        schema=1,
        package=asked.package,
        version=pair.version,
        build=pair.build,
        baseline=baseline,
        adapter=asked.adapter,
        suites=asked.suites,
        verdict=result.verdict,
        counts=dict(Counter(check.status for check in result.checks)),
        checks=tuple(
            check.model_copy(update={"detail": ""})
            for check in result.checks
            if check.status is not Status.PASS
        ),
        passed={check.id: check.observed for check in result.checks if check.status is Status.PASS},
        performance=result.performance,
        host=result.host,
        at=result.started,
        seconds=result.seconds,
    )


def broken(pair: Pair, asked: Asked, problem: str, *, host: Host, at: datetime) -> Outcome:
    """The outcome of a pair that we could not gate; says nothing about the build."""
    return Outcome(
        schema=1,
        package=asked.package,
        version=pair.version,
        build=pair.build,
        adapter=asked.adapter,
        suites=asked.suites,
        verdict=Verdict.ERROR,
        problem=problem,
        host=host,
        at=at,
    )


def worst(outcomes: Iterable[Outcome]) -> Verdict:
    """The verdict that outranks the others; `pass` where there is none."""
    rank = list(Verdict)
    return max((outcome.verdict for outcome in outcomes), key=rank.index, default=Verdict.PASS)


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each build: its baseline, the verdict, the seconds, what failed, and why."""
    heads = ("build", "against", "verdict", "seconds", "failing", "why")
    rows = [heads, *(_row(outcome) for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(outcome: Outcome) -> tuple[str, ...]:
    failing = [check for check in outcome.checks if is_fatal(check)]
    said = failing or [check for check in outcome.checks if check.status is Status.ERROR]
    more = f" and {len(said) - 1} more" if len(said) > 1 else ""
    why = outcome.problem or (said[0].observed if said else "")
    return (
        outcome.version,
        outcome.baseline or "-",
        outcome.verdict.value,
        f"{outcome.seconds:.0f}",
        f"{said[0].id}{more}" if said else "-",
        why if len(why) <= _SHOWN else f"{why[:_SHOWN]}…",
    )
