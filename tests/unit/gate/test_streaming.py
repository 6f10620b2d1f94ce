from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.client import Chunk, Client
from engine_ci.engine.stopwatch import Mark, Stopwatch, Thread
from engine_ci.errors import EngineAnswerError
from engine_ci.gate import streaming
from engine_ci.gate.speed import Metric
from engine_ci.gate.streaming import Question, Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

NOWHERE = Path("nowhere")


class Scripted(Client):
    """Streams (seconds after the question, tokens) on a clock that the test owns."""

    def __init__(self, chunks: Sequence[tuple[float, int]]) -> None:
        super().__init__(1)
        self._chunks = chunks
        self.prompts: list[Sequence[int] | str] = []

    def stream(self, prompt: Sequence[int] | str, *, count: int) -> Generator[Chunk, None, None]:
        assert count == 5
        self.prompts.append(prompt)
        for after, tokens in self._chunks:
            yield Chunk(at=100.0 + after, tokens=tokens)


class Watch(Stopwatch):
    """It is 100.0 when the question is asked; of the time since, so much went by waiting."""

    def __init__(self, *, waits: float = 0.0) -> None:
        super().__init__(1, proc=NOWHERE)
        self._waits = waits

    def mark(self, *, at: float | None = None) -> Mark:
        at = at or 100.0
        waited = int((at - 100.0) * self._waits * 1e9)
        return Mark(at=at, engine={1: Thread(0, waited)}, ours={})


PROMPT, FIRST, PACE = Metric(name="prompt"), Metric(name="first-token"), Metric(name="generation")
GENERATION = Question(
    model="wide",
    prompt_tokens=8,
    tokens=5,
    rounds=2,
    metrics={FIRST: streaming.first_token, PACE: streaming.generation},
)
READING = Question(
    model="small", prompt_tokens=512, tokens=5, rounds=2, metrics={PROMPT: streaming.prompt}
)


def told(stream: Stream, question: Question) -> dict[Metric, float]:
    return {metric: speed(stream) for metric, speed in question.metrics.items()}


def test_generation_goes_from_the_first_token_to_the_last() -> None:
    client = Scripted([(0.25, 1), (0.35, 1), (0.45, 1), (0.55, 1), (0.65, 1)])

    timed = streaming.ask(client, GENERATION, watch=Watch())

    assert told(timed, GENERATION) == pytest.approx({FIRST: 4.0, PACE: 10.0})
    assert timed.clock_s == pytest.approx(0.65)
    assert timed.waited_s == pytest.approx(0.0)
    assert [len(prompt) for prompt in client.prompts] == [8]


def test_the_first_token_ends_the_prompt() -> None:
    client = Scripted([(0.25, 1), (0.35, 4)])

    timed = streaming.ask(client, READING, watch=Watch())

    assert told(timed, READING) == pytest.approx({PROMPT: 512 / 0.25})
    assert [len(prompt) for prompt in client.prompts] == [512]


def test_what_counts_is_tokens_not_pieces_and_pieces_without_tokens_do_not_count() -> None:
    client = Scripted([(0.1, 0), (0.25, 2), (0.3, 0), (0.55, 3), (0.9, 0)])

    stream = streaming.ask(client, GENERATION, watch=Watch())

    assert streaming.generation(stream) == pytest.approx(10.0)


def test_the_time_in_which_somebody_waited_for_a_core_is_left_out() -> None:
    client = Scripted([(0.5, 1), (1.3, 4)])

    timed = streaming.ask(client, GENERATION, watch=Watch(waits=0.75))

    assert told(timed, GENERATION) == pytest.approx({FIRST: 8.0, PACE: 20.0})
    assert timed.clock_s == pytest.approx(1.3)
    assert timed.waited_s == pytest.approx(0.75 * 1.3)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([], "expected a stream of 5 tokens, found 0"),
        ([(0.1, 1), (0.2, 3)], "expected a stream of 5 tokens, found 4"),
        ([(0.1, 1), (0.2, 5)], "expected a stream of 5 tokens, found 6"),
        ([(0.1, 5)], "a stream of 5 tokens came in one piece"),
    ],
)
def test_a_stream_that_cannot_be_timed_is_the_engines_fault(
    chunks: list[tuple[float, int]], message: str
) -> None:
    with pytest.raises(EngineAnswerError, match=message):
        streaming.ask(Scripted(chunks), GENERATION, watch=Watch())
