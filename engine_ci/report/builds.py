"""Pure. One engine after the other on one kind of machine, and what each brought."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

from engine_ci.records.upstream import Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.records.gate import EngineFacts, Measurement
    from engine_ci.records.runtime import Measured
    from engine_ci.report.runs import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """All that was seen of an engine until another one took its place, the oldest first."""

    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """The run that brought it."""
        return self.runs[0]

    @property
    def engine(self) -> EngineFacts:
        """What was started."""
        return self.first.candidate

    @property
    def before(self) -> EngineFacts | None:
        """The other engine that it was held against; None where there was none."""
        return next((run.baseline for run in self.runs if _moves(run)), None)

    @property
    def flags(self) -> Names | None:
        """Of the command line; None where not both engines told theirs."""
        old, new = (engine.flags if engine else () for engine in (self.before, self.engine))
        return Names.between(old, new) if old and new else None

    @property
    def files(self) -> Names | None:
        """Files and libraries of the system; None where not both engines are known so well."""
        old, new = (engine.closure if engine else None for engine in (self.before, self.engine))
        if old is None or new is None:
            return None
        names = (
            [*(file.path for file in closure.files), *closure.system_libraries]
            for closure in (old, new)
        )
        return Names.between(*names)

    @property
    def size(self) -> int | None:
        """Bytes of all files."""
        return self.engine.closure.size if self.engine.closure else None

    @property
    def start_s(self) -> float | None:
        """Seconds until the first answer, the median of all runs."""
        return _median(seen.start_s for seen in self._seen())

    @property
    def resident(self) -> float | None:
        """Bytes in RAM, the median of all runs."""
        return _median(seen.resident for seen in self._seen())

    def measured(self, metric: str) -> list[Measurement]:
        """Its speed over that of `before`, as often as it was measured."""
        before = self.before
        return [
            item
            for run in self.runs
            if before and run.baseline and run.baseline.tree_sha256 == before.tree_sha256
            for item in run.performance
            if item.metric == metric
        ]

    def _seen(self) -> Iterator[Measured]:
        return (run.candidate.runtime for run in self.runs if run.candidate.runtime)


def of(runs: Iterable[Run]) -> list[Build]:
    """The builds that runs of one place saw, the oldest first."""
    return [
        Build(runs=tuple(seen))
        for _, seen in groupby(runs, key=lambda run: run.candidate.tree_sha256)
    ]


def metrics(builds: Sequence[Build]) -> list[str]:
    """All that was measured, as it came."""
    return list(
        dict.fromkeys(
            item.metric for build in builds for run in build.runs for item in run.performance
        )
    )


def _moves(run: Run) -> bool:
    return run.baseline is not None and run.baseline.tree_sha256 != run.candidate.tree_sha256


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
