"""Is the candidate slower than the baseline? Both run on this host, asked in turn.

A third process, of the baseline's program once more, is asked in the same rounds. Where the same
program does not come out equal to itself, the host is unfit to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine_ci.errors import EngineError, HarnessError
from engine_ci.gate import sequential, speed, speed_checks, timing
from engine_ci.gate.profiles import PROFILES
from engine_ci.gate.schedule import Role
from engine_ci.gate.timing import BaselineFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine_ci.gate.context import Context, Subject
    from engine_ci.gate.profiles import Profile
    from engine_ci.gate.speed import Comparison, Metric, Samples
    from engine_ci.gate.streaming import Question
    from engine_ci.gate.timing import Restart
    from engine_ci.records.gate import Check, Measurement


def run(context: Context, *, profile: Profile | None = None) -> Iterator[Check | Measurement]:
    """A check and a measurement for each metric; a check of the start, and of the host.

    Args:
        context: the two engines, and the models that are asked.
        profile: what is asked and how long; the config's when not given.

    Raises:
        HarnessError: the catalogue lacks a model that is asked.
    """
    profile = profile or PROFILES[context.performance.profile]
    baseline = context.baseline
    if baseline is None:
        yield from _skipped(profile, "there is no baseline to compare with")
    elif baseline.facts.tree_sha256 == context.candidate.facts.tree_sha256:
        same = "the candidate is the baseline, byte for byte, and started alike"
        yield from _skipped(profile, same)
    else:
        try:
            yield from _compare(context, baseline, profile)
        except BaselineFailedError as error:
            baseline.refused["performance"] = str(error)
            yield from _skipped(profile, str(error))


def skipped(context: Context, reason: str) -> Iterator[Check]:
    """What the suite says when it is not run."""
    return _skipped(PROFILES[context.performance.profile], reason)


def _skipped(profile: Profile, reason: str) -> Iterator[Check]:
    return (speed_checks.skipped(metric, reason) for metric in profile.metrics)


def _compare(
    context: Context, baseline: Subject, profile: Profile
) -> Iterator[Check | Measurement]:
    session = _Session(
        profile=profile,
        limit=context.performance.limit,
        looks=sequential.looks(profile.looks, confidence=context.performance.confidence),
    )
    measured = timing.measure(
        {
            Role.CANDIDATE: context.candidate.server,
            Role.BASELINE: baseline.server,
            Role.CONTROL: baseline.server,
        },
        models={question.model: _path(context, question.model) for question in profile.questions},
        logs=context.logs,
        seed=context.seed,
        restarts=max(session.looks),
        questions=profile.questions,
        wanted=session.wants,
    )
    try:
        for restart in measured:
            session.add(restart)
            if session.collapsed:
                break
    except EngineError as error:
        yield speed_checks.broken(error)
    else:
        yield from _report(session, context)


def _path(context: Context, name: str) -> Path:
    if name not in context.models:
        raise HarnessError(f"the catalogue has no model `{name}`")
    return context.models[name].path


@dataclass(kw_only=True, slots=True)
class _Session:
    """What was measured so far, and which questions are still open.

    Attributes:
        looks: after how many restarts to judge, and at what confidence.
        comparisons: what the last look at each metric said.
        settled: metrics that are not measured any more.
        collapsed: whether a metric is so slow that nothing more has to be measured.
    """

    profile: Profile
    limit: float
    looks: Mapping[int, float]
    restarts: list[Restart] = field(default_factory=list)
    comparisons: dict[Metric, Comparison] = field(default_factory=dict)
    settled: set[Metric] = field(default_factory=set)
    collapsed: bool = False

    def wants(self, question: Question) -> bool:
        """Whether it is to be asked again."""
        return self.settled.isdisjoint(question.metrics)

    def samples(self) -> list[Samples]:
        """Every metric's."""
        return [timing.samples(self.restarts, metric) for metric in self.profile.metrics]

    def add(self, restart: Restart) -> None:
        """Takes in a restart, and judges what is open when it is time for a look."""
        self.restarts.append(restart)
        self.collapsed = any(map(speed.has_collapsed, self.samples()))
        confidence = self.looks.get(len(self.restarts))
        if confidence is not None:
            for question in filter(self.wants, self.profile.questions):
                self._look(question, confidence=confidence)

    def _look(self, question: Question, *, confidence: float) -> None:
        found = {
            metric: speed.compare(
                timing.samples(self.restarts, metric), limit=self.limit, confidence=confidence
            )
            for metric in question.metrics
        }
        self.comparisons |= found
        first = len(self.restarts) == min(self.looks)
        if sequential.is_decided(found.values(), first=first):
            self.settled.update(found)


def _report(session: _Session, context: Context) -> Iterator[Check | Measurement]:
    every = session.samples()
    if session.collapsed:
        for samples in every:
            yield from speed_checks.collapse(samples)
        return
    for samples in every:
        comparison = session.comparisons[samples.metric]
        if session.profile.screens and comparison.measurement.verdict != "regressed":
            yield speed_checks.screened(samples, comparison)
        else:
            yield comparison.measurement
            yield speed_checks.compared(samples, comparison)
    yield from speed_checks.floors(every, context.performance, runner=context.runner)
    yield speed_checks.start([restart.started for restart in session.restarts])
    yield speed_checks.host(
        list(session.comparisons.values()),
        seed=context.seed,
        waited=timing.waited(session.restarts),
    )
