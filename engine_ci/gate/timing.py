"""Times engines that run side by side, from our side of the connection.

What engines report about their own speed has changed its meaning between builds (b10405 no longer
counts the first token), so nothing that they report is used.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import Settings
from engine_ci.errors import EngineAnswerError, EngineError, HarnessError
from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import LlamaServer
    from engine_ci.engine.client import Client
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.schedule import Round

PROMPT_TOKENS: Final = 512
TOKENS: Final = 40
# An engine's first answer pays for memory that it never touched before.
WARM_UP_TOKENS: Final = 4

# Two threads on two cores wait for each other as soon as anything else runs: the noise of a pair
# is then four times as large.
SETTINGS: Final = Settings(threads=1, context=1024)


class Speed(NamedTuple):
    """Of one answer, in tokens per second. The fields are the metrics."""

    generation: float
    prompt: float


@dataclass(frozen=True, kw_only=True)
class Restart:
    """What was measured between two restarts.

    Attributes:
        started: seconds until each engine was ready.
        rounds: each has every engine's answer.
    """

    started: Mapping[Role, float]
    rounds: Sequence[Mapping[Role, Speed]]


def measure(
    servers: Mapping[Role, LlamaServer],
    *,
    model: Path,
    logs: Path,
    plan: Iterable[tuple[Round, ...]],
) -> Iterator[Restart]:
    """For each item of the plan: starts all engines, asks them round by round, stops them.

    Raises:
        EngineError: the candidate failed.
        HarnessError: the baseline did, so that there is nothing to compare with.
    """
    for number, rounds in enumerate(plan):
        paths = {role: logs / f"performance-{role}-{number:02}.log" for role in rounds[0]}
        yield _restart(servers, model=model, logs=paths, rounds=rounds)


def ask(client: Client, *, count: int) -> Speed:
    """The speed of one answer of `count` tokens to a prompt of `PROMPT_TOKENS`.

    Raises:
        EngineAnswerError: the tokens came all at once, or not as many as were asked for.
    """
    # Bytes that print, which are their own token IDs in our vocabulary.
    prompt = [ord("!") + index % 94 for index in range(PROMPT_TOKENS)]
    asked = time.perf_counter()
    chunks = [chunk for chunk in client.stream(prompt, count=count) if chunk.tokens]
    received = sum(chunk.tokens for chunk in chunks)
    if received != count:
        raise EngineAnswerError(f"expected a stream of {count} tokens, found {received}")
    first, last = chunks[0], chunks[-1]
    if first is last:
        raise EngineAnswerError(f"a stream of {count} tokens came in one piece")
    return Speed(
        generation=(received - first.tokens) / (last.at - first.at),
        prompt=PROMPT_TOKENS / (first.at - asked),
    )


def samples(session: Sequence[Restart], metric: str) -> Samples:
    """One metric of a session, as arrays."""
    return Samples(
        metric=metric,
        speeds={
            role: np.array(
                [[getattr(row[role], metric) for row in restart.rounds] for restart in session]
            )
            for role in Role
        },
    )


def _restart(
    servers: Mapping[Role, LlamaServer],
    *,
    model: Path,
    logs: Mapping[Role, Path],
    rounds: Sequence[Round],
) -> Restart:
    engines: dict[Role, Engine] = {}
    with ExitStack() as stack:
        for role in rounds[0]:
            with _blaming(role):
                engines[role] = stack.enter_context(
                    supervisor.start(servers[role], model=model, settings=SETTINGS, log=logs[role])
                )
        _ask_all(engines, order=rounds[0], count=WARM_UP_TOKENS)
        return Restart(
            started={role: engine.started_s for role, engine in engines.items()},
            rounds=[_ask_all(engines, order=order, count=TOKENS) for order in rounds],
        )


def _ask_all(engines: Mapping[Role, Engine], *, order: Round, count: int) -> dict[Role, Speed]:
    speeds = {}
    for role in order:
        with _blaming(role):
            speeds[role] = ask(engines[role].client, count=count)
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
