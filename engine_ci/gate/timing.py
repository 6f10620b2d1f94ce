"""Times engines that run side by side, from our side of the connection.

What engines report about their own speed has changed its meaning between builds (b10405 no longer
counts the first token), so nothing that they report is used.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import Settings
from engine_ci.errors import EngineAnswerError, EngineError
from engine_ci.gate import schedule
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.client import Client
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.schedule import Round

Metric: TypeAlias = Literal["prompt", "generation"]
ModelRole: TypeAlias = Literal["performance", "real"]

# Two threads on two cores wait for each other as soon as anything else runs: the noise of a pair
# is then four times as large.
SETTINGS: Final = Settings(threads=1, context=1024)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked to measure one metric.

    Attributes:
        model: the role of the model that is asked.
        prompt_tokens: how many are given.
        tokens: how many are asked for.
        rounds: how often between two restarts; even, as rounds come in mirrored pairs.
    """

    metric: Metric
    model: ModelRole
    prompt_tokens: int
    tokens: int
    rounds: int


# A prompt of 512 tokens is all matrix products, whatever the model. Not so generation: a token of
# the model of 20 million parameters takes 2 ms, and what the server does besides, 0.1 to 0.2 ms
# more in 0.1.3 than in 0.1.2, reads as 5 % there and as 2 % on the real one, of 135 million.
# Short questions in quick turn, because a host that others share changes its speed all the time.
QUESTIONS: Final = (
    Question(metric="prompt", model="performance", prompt_tokens=512, tokens=1, rounds=4),
    Question(metric="generation", model="real", prompt_tokens=8, tokens=16, rounds=4),
)


class BaselineFailedError(Exception):
    """The baseline did not start or answer, so that there is nothing to compare with."""


@dataclass(frozen=True, kw_only=True)
class Restart:
    """What was measured between two restarts.

    Attributes:
        started: seconds until each engine was ready, over all questions.
        speeds: by metric, for each round every engine's, in tokens per second.
    """

    started: Mapping[Role, float]
    speeds: Mapping[Metric, Sequence[Mapping[Role, float]]]


def measure(
    servers: Mapping[Role, Server],
    *,
    models: Mapping[ModelRole, Path],
    logs: Path,
    seed: int,
    restarts: int,
    questions: Sequence[Question] = QUESTIONS,
) -> Iterator[Restart]:
    """So many times: for each question starts all engines, asks them round by round, stops them.

    Raises:
        EngineError: the candidate failed.
        BaselineFailedError: the baseline did.
    """
    rounds = sum(question.rounds for question in questions)
    for number, orders in enumerate(schedule.plan(seed=seed, restarts=restarts, rounds=rounds)):
        remaining = iter(orders)
        started = dict.fromkeys(Role, 0.0)
        speeds: dict[Metric, Sequence[Mapping[Role, float]]] = {}
        for question in questions:
            order = tuple(islice(remaining, question.rounds))
            paths = {role: logs / f"{question.metric}-{role}-{number:02}.log" for role in Role}
            with _running(
                servers, model=models[question.model], logs=paths, order=order[0]
            ) as engines:
                # An engine's first answer pays for memory that it never touched before.
                _ask_all(engines, question, order=order[0])
                speeds[question.metric] = [
                    _ask_all(engines, question, order=each) for each in order
                ]
            for role, engine in engines.items():
                started[role] += engine.started_s
        yield Restart(started=started, speeds=speeds)


def ask(client: Client, question: Question) -> float:
    """The speed of one answer, in tokens per second.

    Raises:
        EngineAnswerError: the tokens came all at once, or not as many as were asked for.
    """
    # Bytes that print, which are their own token IDs in our vocabulary.
    prompt = [ord("!") + index % 94 for index in range(question.prompt_tokens)]
    asked = time.perf_counter()
    chunks = [chunk for chunk in client.stream(prompt, count=question.tokens) if chunk.tokens]
    received = sum(chunk.tokens for chunk in chunks)
    if received != question.tokens:
        raise EngineAnswerError(f"expected a stream of {question.tokens} tokens, found {received}")
    first, last = chunks[0], chunks[-1]
    if question.metric == "prompt":
        return question.prompt_tokens / (first.at - asked)
    if first is last:
        raise EngineAnswerError(f"a stream of {question.tokens} tokens came in one piece")
    return (received - first.tokens) / (last.at - first.at)


def samples(session: Sequence[Restart], metric: Metric) -> Samples:
    """One metric of a session, as arrays."""
    return Samples(
        metric=metric,
        speeds={
            role: np.array(
                [[speeds[role] for speeds in restart.speeds[metric]] for restart in session]
            )
            for role in Role
        },
    )


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
    engines: Mapping[Role, Engine], question: Question, *, order: Round
) -> dict[Role, float]:
    speeds = {}
    for role in order:
        with _blaming(role):
            speeds[role] = ask(engines[role].client, question)
    return speeds


@contextmanager
def _blaming(role: Role) -> Iterator[None]:
    """The candidate's failure is an answer; a baseline that fails leaves no question to ask."""
    try:
        yield
    except EngineError as error:
        if role is Role.CANDIDATE:
            raise
        raise BaselineFailedError(f"the baseline failed: {error}") from error
