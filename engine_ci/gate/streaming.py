"""Times one answer from our side of the connection, and says what it tells of an engine's speed.

Time in which a thread waited for a core is left out, so that a busy host is no fault. What engines
report about their own speed has changed its meaning between builds (b10405 no longer counts the
first token), so nothing that they report is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from engine_ci.engine import stopwatch
from engine_ci.errors import EngineAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.engine.client import Client
    from engine_ci.engine.stopwatch import Mark, Stopwatch
    from engine_ci.gate.speed import Metric


class Piece(NamedTuple):
    """A part of an answer that holds tokens: how many, and when it came in."""

    tokens: int
    mark: Mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """An answer as it came in: when it was asked for, of how many tokens, and its pieces.

    Attributes:
        idle_s: seconds for which the engine sleeps before every such answer.
    """

    asked: Mark
    prompt_tokens: int
    pieces: tuple[Piece, ...]
    idle_s: float = 0.0

    @property
    def first_s(self) -> float:
        """Seconds up to the first piece."""
        return stopwatch.elapsed(self.asked, self.pieces[0].mark, idle=self.idle_s)

    @property
    def rest_s(self) -> float:
        """Seconds from the first piece to the last."""
        return stopwatch.streamed([piece.mark for piece in self.pieces])

    @property
    def clock_s(self) -> float:
        """Seconds up to the last piece, by the clock."""
        return self.pieces[-1].mark.at - self.asked.at

    @property
    def waited_s(self) -> float:
        """How many of these are left out."""
        return self.clock_s - self.first_s - self.rest_s


Speed: TypeAlias = Callable[[Stream], float]


def prompt(stream: Stream) -> float:
    """Tokens of the prompt per second, up to the first token of the answer."""
    return stream.prompt_tokens / stream.first_s


def first_token(stream: Stream) -> float:
    """How often per second an answer could begin."""
    return 1 / stream.first_s


def generation(stream: Stream) -> float:
    """Tokens per second, from the first to the last."""
    return sum(piece.tokens for piece in stream.pieces[1:]) / stream.rest_s


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


def ask(client: Client, question: Question, *, watch: Stopwatch) -> Stream:
    """One answer, timed.

    Raises:
        EngineAnswerError: the tokens came all at once, or not as many as were asked for.
    """
    # Bytes that print, which are their own token IDs in our vocabulary.
    prompt = [ord("!") + index % 94 for index in range(question.prompt_tokens)]
    asked = watch.mark()
    pieces = tuple(
        Piece(chunk.tokens, watch.mark(at=chunk.at))
        for chunk in client.stream(prompt, count=question.tokens)
        if chunk.tokens
    )
    received = sum(piece.tokens for piece in pieces)
    if received != question.tokens:
        raise EngineAnswerError(f"expected a stream of {question.tokens} tokens, found {received}")
    if 1 == len(pieces) < question.tokens:
        raise EngineAnswerError(f"a stream of {received} tokens came in one piece")
    return Stream(asked=asked, prompt_tokens=question.prompt_tokens, pieces=pieces)
