"""Pure. What a history keeps of each gate result, and on what kind of machine it came about.

Speeds of two machines say nothing about each other, so results are told apart by all of a machine
that a gate result tells: a hosted runner is another one whenever its processor is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.report import summary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine_ci.pins.model import Platform
    from engine_ci.records.check import CheckRecord
    from engine_ci.records.gate import EngineFacts, GateResult, Host, Measurement, Verdict


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Place:
    """Where results can be held against each other: one pin, on machines of one kind.

    Attributes:
        runner: the label of the machine; empty where it has none.
    """

    pin: str
    platform: Platform
    runner: str
    processor: str
    cores: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One gate.

    Attributes:
        name: under which it was kept.
        commit: of the app's repository, which it was run for; empty where nobody says.
        pull: the pull request that this commit merged, where it did.
        same_engine: whether the candidate is what it was held against.
        tally: how many checks came out how.
    """

    name: str
    commit: str
    pull: int | None
    runner: str
    started: datetime
    candidate: EngineFacts
    baseline: EngineFacts | None
    same_engine: bool
    host: Host
    verdict: Verdict
    tally: str
    performance: tuple[Measurement, ...]

    @property
    def place(self) -> Place:
        """What it may be held against."""
        return Place(
            pin=self.candidate.pin,
            platform=self.candidate.platform,
            runner=self.runner,
            processor=self.host.processor,
            cores=self.host.cores,
        )


def of(name: str, result: GateResult, record: CheckRecord | None = None) -> Run:
    """What is kept of a result; `record` says which commit it was of, where `check` left it."""
    candidate, baseline = result.engines.candidate, result.engines.baseline
    same = baseline is not None and baseline.tree_sha256 == candidate.tree_sha256
    return Run(
        name=name,
        commit=record.head if record else "",
        pull=record.pull if record else None,
        runner=(record.runner if record else None) or "",
        started=record.started if record else result.started,
        candidate=candidate,
        baseline=baseline,
        same_engine=record.same_engine if record else same,
        host=result.host,
        verdict=result.verdict,
        tally=summary.tally(result.checks),
        performance=tuple(item.model_copy(update={"samples": ()}) for item in result.performance),
    )


def by_place(runs: Iterable[Run]) -> dict[Place, list[Run]]:
    """The runs of each place, the oldest first."""
    found: dict[Place, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.started):
        found.setdefault(run.place, []).append(run)
    return dict(sorted(found.items()))
