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
from engine_ci.errors import EngineAnswerError, EngineError, HarnessError
from engine_ci.gate import schedule
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import LlamaServer
    from engine_ci.engine.client import Client
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.schedule import Round

Metric: TypeAlias = Literal["prompt", "generation"]

# Two threads on two cores wait for each other as soon as anything else runs: the noise of a pair
# is then four times as large.
SETTINGS: Final = Settings(threads=1, context=1024)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked to measure one metric.

    Attributes:
        prompt_tokens: how many are given.
        tokens: how many are asked for.
        rounds: how often between two restarts; even, as rounds come in mirrored pairs.
    """

    metric: Metric
    prompt_tokens: int
    tokens: int
    rounds: int


# A host that others share changes its speed several times a second. Short questions in quick turn
# meet the same host: 16 tokens (50 ms) at a time, and ten times as often, halve the error that 40
# tokens after a long prompt have in the same seconds.
QUESTIONS: Final = (
    Question(metric="prompt", prompt_tokens=512, tokens=1, rounds=4),
    Question(metric="generation", prompt_tokens=8, tokens=16, rounds=8),
)
# An engine's first answer pays for memory that it never touched before.
WARM_UP: Final = Question(metric="generation", prompt_tokens=256, tokens=4, rounds=1)


@dataclass(frozen=True, kw_only=True)
class Restart:
    """What was measured between two restarts.

    Attributes:
        started: seconds until each engine was ready.
        speeds: by metric, for each round every engine's, in tokens per second.
    """

    started: Mapping[Role, float]
    speeds: Mapping[Metric, Sequence[Mapping[Role, float]]]


def measure(
    servers: Mapping[Role, LlamaServer],
    *,
    model: Path,
    logs: Path,
    seed: int,
    restarts: int,
    questions: Sequence[Question] = QUESTIONS,
) -> Iterator[Restart]:
    """So many times: starts all engines, asks them round by round, stops them.

    Raises:
        EngineError: the candidate failed.
        HarnessError: the baseline did, so that there is nothing to compare with.
    """
    rounds = sum(question.rounds for question in questions)
    for number, orders in enumerate(schedule.plan(seed=seed, restarts=restarts, rounds=rounds)):
        paths = {role: logs / f"performance-{role}-{number:02}.log" for role in Role}
        yield _restart(servers, model=model, logs=paths, orders=orders, questions=questions)


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


def _restart(
    servers: Mapping[Role, LlamaServer],
    *,
    model: Path,
    logs: Mapping[Role, Path],
    orders: Sequence[Round],
    questions: Sequence[Question],
) -> Restart:
    engines: dict[Role, Engine] = {}
    remaining = iter(orders)
    with ExitStack() as stack:
        for role in orders[0]:
            with _blaming(role):
                engines[role] = stack.enter_context(
                    supervisor.start(servers[role], model=model, settings=SETTINGS, log=logs[role])
                )
        _ask_all(engines, WARM_UP, order=orders[0])
        return Restart(
            started={role: engine.started_s for role, engine in engines.items()},
            speeds={
                question.metric: [
                    _ask_all(engines, question, order=order)
                    for order in islice(remaining, question.rounds)
                ]
                for question in questions
            },
        )


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
        raise HarnessError(f"the baseline failed while speed was measured: {error}") from error
