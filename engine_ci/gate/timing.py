"""Times engines that run side by side, from our side of the connection.

What engines report about their own speed has changed its meaning between builds (b10405 no longer
counts the first token), so nothing that they report is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import Settings
from engine_ci.errors import EngineAnswerError, EngineError
from engine_ci.gate import schedule
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Metric, Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.client import Chunk, Client
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.schedule import Round

# Two threads on two cores wait for each other as soon as anything else runs: the noise of a pair
# is then four times as large.
SETTINGS: Final = Settings(threads=1, context=1024)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """An answer as it came in: when it was asked for, of how many tokens, and its pieces.

    Attributes:
        asked: as `time.perf_counter` says, in seconds.
        chunks: those that hold a token.
    """

    asked: float
    prompt_tokens: int
    chunks: tuple[Chunk, ...]


Speed: TypeAlias = Callable[[Stream], float]


def prompt(stream: Stream) -> float:
    """Tokens of the prompt per second, up to the first token of the answer."""
    return stream.prompt_tokens * first_token(stream)


def first_token(stream: Stream) -> float:
    """How often per second an answer could begin."""
    return 1 / (stream.chunks[0].at - stream.asked)


def generation(stream: Stream) -> float:
    """Tokens per second, from the first to the last.

    Raises:
        EngineAnswerError: they came all at once.
    """
    first, last = stream.chunks[0], stream.chunks[-1]
    received = sum(chunk.tokens for chunk in stream.chunks)
    if first is last:
        raise EngineAnswerError(f"a stream of {received} tokens came in one piece")
    return (received - first.tokens) / (last.at - first.at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked to measure one metric or more.

    Attributes:
        model: its name in the catalogue.
        prompt_tokens: how many are given.
        tokens: how many are asked for.
        rounds: how often between two restarts; even, as rounds come in mirrored pairs.
        metrics: what an answer tells.
    """

    model: str
    prompt_tokens: int
    tokens: int
    rounds: int
    metrics: Mapping[Metric, Speed]


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
    models: Mapping[str, Path],
    logs: Path,
    seed: int,
    restarts: int,
    questions: Sequence[Question],
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
            paths = {role: logs / f"{question.model}-{role}-{number:02}.log" for role in Role}
            with _running(
                servers, model=models[question.model], logs=paths, order=order[0]
            ) as engines:
                # An engine's first answer pays for memory that it never touched before.
                _ask_all(engines, question, order=order[0])
                answers = [_ask_all(engines, question, order=each) for each in order]
            for metric in question.metrics:
                speeds[metric] = [
                    {role: told[metric] for role, told in answer.items()} for answer in answers
                ]
            for role, engine in engines.items():
                started[role] += engine.started_s
        yield Restart(started=started, speeds=speeds)


def ask(client: Client, question: Question) -> dict[Metric, float]:
    """What one answer tells, by metric.

    Raises:
        EngineAnswerError: the tokens came all at once, or not as many as were asked for.
    """
    # Bytes that print, which are their own token IDs in our vocabulary.
    prompt = [ord("!") + index % 94 for index in range(question.prompt_tokens)]
    asked = time.perf_counter()
    chunks = tuple(chunk for chunk in client.stream(prompt, count=question.tokens) if chunk.tokens)
    received = sum(chunk.tokens for chunk in chunks)
    if received != question.tokens:
        raise EngineAnswerError(f"expected a stream of {question.tokens} tokens, found {received}")
    stream = Stream(asked=asked, prompt_tokens=question.prompt_tokens, chunks=chunks)
    return {metric: speed(stream) for metric, speed in question.metrics.items()}


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
) -> dict[Role, dict[Metric, float]]:
    told = {}
    for role in order:
        with _blaming(role):
            told[role] = ask(engines[role].client, question)
    return told


@contextmanager
def _blaming(role: Role) -> Iterator[None]:
    """The candidate's failure is an answer; a baseline that fails leaves no question to ask."""
    try:
        yield
    except EngineError as error:
        if role is Role.CANDIDATE:
            raise
        raise BaselineFailedError(f"the baseline failed: {error}") from error
