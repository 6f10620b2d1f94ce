"""Times engines that run side by side, asked in turn, and started anew again and again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from engine_ci.engine import stopwatch, supervisor
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.stopwatch import Stopwatch
from engine_ci.errors import EngineError
from engine_ci.gate import schedule
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Metric, Samples
from engine_ci.gate.streaming import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.schedule import Round
    from engine_ci.gate.streaming import Question, Stream

# Two threads on two cores wait for each other as soon as anything else runs: the noise of a pair
# is then four times as large.
SETTINGS: Final = Settings(threads=1, context=1024)


class BaselineFailedError(Exception):
    """The baseline did not start or answer, so that there is nothing to compare with."""


@dataclass(frozen=True, kw_only=True)
class Restart:
    """What was measured between two restarts.

    Attributes:
        started: seconds until each engine was ready, over all questions that were asked.
        speeds: by metric, of these questions, for each round every engine's, in tokens per second.
        clock_s: seconds that all answers took, by the clock.
        waited_s: how many of these are left out, as somebody waited for a core.
    """

    started: Mapping[Role, float]
    speeds: Mapping[Metric, Sequence[Mapping[Role, float]]]
    clock_s: float
    waited_s: float


def measure(
    servers: Mapping[Role, Server],
    *,
    models: Mapping[str, Path],
    logs: Path,
    seed: int,
    restarts: int,
    questions: Sequence[Question],
    wanted: Callable[[Question], bool] = lambda _: True,
) -> Iterator[Restart]:
    """So many times: for each question starts all engines, asks them round by round, stops them.

    Args:
        servers: the programs.
        models: files, by the names that the questions give them.
        logs: a folder for what the engines write.
        seed: of the order in which they are asked.
        restarts: how often at most.
        questions: what is asked.
        wanted: before each restart, whether a question is asked once more. Nothing wanted: the end.

    Raises:
        EngineError: the candidate failed.
        BaselineFailedError: the baseline did.
    """
    rounds = sum(question.rounds for question in questions)
    least: list[dict[Role, float]] = [{} for _ in questions]
    for number, orders in enumerate(schedule.plan(seed=seed, restarts=restarts, rounds=rounds)):
        if not any(map(wanted, questions)):
            return
        remaining = iter(orders)
        started = dict.fromkeys(Role, 0.0)
        speeds: dict[Metric, Sequence[Mapping[Role, float]]] = {}
        taken: list[Stream] = []
        for question, slept in zip(questions, least, strict=True):
            order = tuple(islice(remaining, question.rounds))
            if not wanted(question):
                continue
            paths = {role: logs / f"{question.model}-{role}-{number:02}.log" for role in Role}
            with _running(
                servers, model=models[question.model], logs=paths, order=order[0]
            ) as engines:
                watches = {role: Stopwatch(engine.pid) for role, engine in engines.items()}
                ask_all = partial(_ask_all, engines, question, watches=watches)
                # An engine's first answer pays for memory that it never touched before.
                ask_all(order=order[0])
                answers = [ask_all(order=each) for each in order]
            answers = _alike(answers, least=slept)
            taken += [stream for answer in answers for stream in answer.values()]
            for metric, told in question.metrics.items():
                speeds[metric] = [
                    {role: told(stream) for role, stream in answer.items()} for answer in answers
                ]
            for role, engine in engines.items():
                started[role] += engine.started_s
        yield Restart(
            started=started,
            speeds=speeds,
            clock_s=sum(stream.clock_s for stream in taken),
            waited_s=sum(stream.waited_s for stream in taken),
        )


def _alike(
    answers: Sequence[Mapping[Role, Stream]], *, least: dict[Role, float]
) -> list[dict[Role, Stream]]:
    """The same, after what every answer of an engine shows that it sleeps before the first token.

    A busy host makes many of them late, and hardly all: `least` is kept over all restarts.
    """
    for answer in answers:
        for role, stream in answer.items():
            idle = stopwatch.idle(stream.asked, stream.pieces[0].mark)
            least[role] = min(idle, least.get(role, idle))
    return [
        {role: replace(stream, idle_s=least[role]) for role, stream in answer.items()}
        for answer in answers
    ]


def samples(session: Sequence[Restart], metric: Metric) -> Samples:
    """One metric of a session, as arrays of the restarts in which it was asked."""
    return Samples(
        metric=metric,
        speeds={
            role: np.array(
                [
                    [speeds[role] for speeds in restart.speeds[metric]]
                    for restart in session
                    if metric in restart.speeds
                ]
            )
            for role in Role
        },
    )


def waited(session: Sequence[Restart]) -> float | None:
    """The share of the clock's time that is left out; None where the system does not tell."""
    if not stopwatch.counts_waits():
        return None
    return sum(each.waited_s for each in session) / sum(each.clock_s for each in session)


@contextmanager
def _running(
    servers: Mapping[Role, Server], *, model: Path, logs: Mapping[Role, Path], order: Round
) -> Iterator[dict[Role, Engine]]:
    """All engines at once, started in that order."""
    engines: dict[Role, Engine] = {}
    with ExitStack() as stack:
        for role in order:
            with _blaming(role):
                engines[role] = stack.enter_context(
                    supervisor.start(servers[role], model=model, settings=SETTINGS, log=logs[role])
                )
        yield engines


def _ask_all(
    engines: Mapping[Role, Engine],
    question: Question,
    *,
    watches: Mapping[Role, Stopwatch],
    order: Round,
) -> dict[Role, Stream]:
    answers = {}
    for role in order:
        with _blaming(role):
            answers[role] = ask(engines[role].client, question, watch=watches[role])
    return answers


@contextmanager
def _blaming(role: Role) -> Iterator[None]:
    """The candidate's failure is an answer; a baseline that fails leaves no question to ask."""
    try:
        yield
    except EngineError as error:
        if role is Role.CANDIDATE:
            raise
        raise BaselineFailedError(f"the baseline failed: {error}") from error
