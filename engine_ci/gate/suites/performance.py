"""Is the candidate slower than the baseline? Both run on this host, asked in turn.

A third process, of the baseline's program once more, is asked in the same rounds. Where the same
program does not come out equal to itself, the host is unfit to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.errors import EngineError, HarnessError
from engine_ci.gate import speed, speed_checks, statistics, timing
from engine_ci.gate.schedule import Role
from engine_ci.gate.timing import QUESTIONS, BaselineFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from engine_ci.gate.context import Context, Subject
    from engine_ci.gate.speed import Samples
    from engine_ci.gate.timing import ModelRole, Question, Restart
    from engine_ci.records.gate import Check, Measurement

# Two processes of one program differ by some per cent from start to end, so that restarts tell
# more than further questions to the same processes.
RESTARTS: Final = 12


def run(
    context: Context, *, restarts: int = RESTARTS, questions: Sequence[Question] = QUESTIONS
) -> Iterator[Check | Measurement]:
    """A check and a measurement for each metric; a check of the start, and of the host.

    Args:
        context: the two engines, and the model of the role `performance`.
        restarts: how often all engines are started again; the confidence may need more.
        questions: one for each metric.

    Raises:
        HarnessError: the catalogue has no model of a role that is asked.
    """
    baseline = context.baseline
    if baseline is None:
        yield from skipped("there is no baseline to compare with")
    elif baseline.facts.tree_sha256 == context.candidate.facts.tree_sha256:
        yield from skipped("the candidate is the baseline, byte for byte, and started alike")
    else:
        try:
            yield from _compare(context, baseline, restarts=restarts, questions=questions)
        except BaselineFailedError as error:
            baseline.refused["performance"] = str(error)
            yield from skipped(str(error))


def skipped(reason: str) -> Iterator[Check]:
    """What the suite says when it is not run."""
    return (speed_checks.skipped(question.metric, reason) for question in QUESTIONS)


def _compare(
    context: Context, baseline: Subject, *, restarts: int, questions: Sequence[Question]
) -> Iterator[Check | Measurement]:
    measured = timing.measure(
        {
            Role.CANDIDATE: context.candidate.server,
            Role.BASELINE: baseline.server,
            Role.CONTROL: baseline.server,
        },
        models={question.model: _path(context, question.model) for question in questions},
        logs=context.logs,
        seed=context.seed,
        restarts=max(restarts, statistics.least_count(context.performance.confidence)),
        questions=questions,
    )
    try:
        session = _until_collapse(measured)
    except EngineError as error:
        yield speed_checks.broken(error)
    else:
        yield from _report(session, context)


def _path(context: Context, role: ModelRole) -> Path:
    for located in context.models.values():
        if located.model.role == role:
            return located.path
    raise HarnessError(f"the catalogue has no model of the role `{role}`")


def _until_collapse(measured: Iterable[Restart]) -> list[Restart]:
    session: list[Restart] = []
    for restart in measured:
        session.append(restart)
        if any(speed.has_collapsed(samples) for samples in _samples(session)):
            break
    return session


def _samples(session: Sequence[Restart]) -> list[Samples]:
    return [timing.samples(session, metric) for metric in session[0].speeds]


def _report(session: Sequence[Restart], context: Context) -> Iterator[Check | Measurement]:
    every = _samples(session)
    if any(speed.has_collapsed(samples) for samples in every):
        for samples in every:
            yield from speed_checks.collapse(samples)
        return
    comparisons = [speed.compare(samples, context.performance) for samples in every]
    for samples, comparison in zip(every, comparisons, strict=True):
        yield comparison.measurement
        yield speed_checks.compared(samples, comparison, limit=context.performance.limit)
    yield speed_checks.start([restart.started for restart in session])
    yield speed_checks.host(comparisons, seed=context.seed)
