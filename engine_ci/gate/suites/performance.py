"""Is the candidate slower than the baseline? Both run on this host, asked in turn.

A third process, of the baseline's program once more, is asked in the same rounds. Where the same
program does not come out equal to itself, the host is unfit to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import EngineError, HarnessError
from engine_ci.gate import speed, speed_checks, statistics, timing
from engine_ci.gate.profiles import PROFILES
from engine_ci.gate.schedule import Role
from engine_ci.gate.timing import BaselineFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from engine_ci.gate.context import Context, Subject
    from engine_ci.gate.profiles import Profile
    from engine_ci.gate.speed import Comparison, Samples
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
    looks = looks_for(profile.looks, confidence=context.performance.confidence)
    measured = timing.measure(
        {
            Role.CANDIDATE: context.candidate.server,
            Role.BASELINE: baseline.server,
            Role.CONTROL: baseline.server,
        },
        models={question.model: _path(context, question.model) for question in profile.questions},
        logs=context.logs,
        seed=context.seed,
        restarts=looks[-1],
        questions=profile.questions,
    )
    try:
        every = _until_clear(measured, context, looks=looks)
    except EngineError as error:
        yield speed_checks.broken(error)
    else:
        yield from every


def looks_for(looks: Sequence[int], *, confidence: float) -> tuple[int, ...]:
    """After how many restarts to look: none earlier than the confidence of a look can bear."""
    each = speed.confidence_of_a_look(confidence, looks=len(looks))
    least = statistics.least_count(each)
    return tuple(max(least, look) for look in looks)


def _path(context: Context, name: str) -> Path:
    if name not in context.models:
        raise HarnessError(f"the catalogue has no model `{name}`")
    return context.models[name].path


def _until_clear(
    measured: Iterable[Restart], context: Context, *, looks: Sequence[int]
) -> list[Check | Measurement]:
    session: list[Restart] = []
    comparisons: list[Comparison] = []
    for restart in measured:
        session.append(restart)
        if any(speed.has_collapsed(samples) for samples in _samples(session)):
            return [
                answer for samples in _samples(session) for answer in speed_checks.collapse(samples)
            ]
        if len(session) in looks:
            comparisons = [
                speed.compare(samples, context.performance, looks=len(looks))
                for samples in _samples(session)
            ]
            if all(comparison.is_clear for comparison in comparisons):
                break
    return list(_report(session, comparisons, context))


def _samples(session: Sequence[Restart]) -> list[Samples]:
    return [timing.samples(session, metric) for metric in session[0].speeds]


def _report(
    session: Sequence[Restart], comparisons: Sequence[Comparison], context: Context
) -> Iterator[Check | Measurement]:
    every = _samples(session)
    for samples, comparison in zip(every, comparisons, strict=True):
        yield comparison.measurement
        yield speed_checks.compared(samples, comparison)
    yield from speed_checks.floors(every, context.performance, runner=context.runner)
    yield speed_checks.start([restart.started for restart in session])
    yield speed_checks.host(comparisons, seed=context.seed, waited=timing.waited(session))
