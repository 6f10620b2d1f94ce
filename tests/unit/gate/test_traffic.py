from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine_ci.errors import EngineAnswerError, EngineLateError, EngineRefusedError
from engine_ci.gate import goldens, traffic, zoo
from engine_ci.gate.traffic import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client

CASE = goldens.load(zoo.golden_folder() / "stable.json").cases[0]


class Answering:
    """A client whose engine is sound but for what a test changes."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.tokens = CASE.tokens
        self.refuses = True
        self.well = True
        self.fault: tuple[int, EngineAnswerError] | None = None

    def _note(self, what: str) -> None:
        self.asked[what] += 1
        if self.fault and self.asked.total() > self.fault[0]:
            raise self.fault[1]

    def complete(self, prompt: Any, **_: object) -> Any:  # noqa: ANN401 - as short as it can be
        unsound = prompt == [1 << 30]
        self._note("unsound" if unsound else "completion")
        if unsound and self.refuses:
            raise EngineRefusedError("invalid tokens", status=400)
        return self

    def stream(self, _: object, *, count: int) -> Iterator[int]:
        self._note("stream")
        yield from range(count)
        self._note("stream to its end")

    def chat(self, *_: object, **__: object) -> None:
        self._note("chat")

    def tokenize(self, _: str) -> list[int]:
        self._note("tokenize")
        return []

    def detokenize(self, _: object) -> None:
        self._note("detokenize")

    def health(self) -> bool:
        return self.well


@pytest.fixture
def engine() -> Answering:
    return Answering()


def found(engine: Answering) -> list[str]:
    return list(differences(cast("Client", engine), CASE, requests=100))


def test_a_sound_engine_is_asked_for_everything_and_has_no_differences(engine: Answering) -> None:
    assert found(engine) == []
    assert engine.asked == {
        "completion": 30 + 2,
        "chat": 20,
        "tokenize": 20,
        "detokenize": 20,
        "stream": 20,
        "stream to its end": 10,
        "unsound": 10,
    }


def test_other_tokens_in_the_first_and_the_last_answer_are_told(engine: Answering) -> None:
    engine.tokens = (1, 2)

    first, last = found(engine)

    assert first == f"first answer: expected {list(CASE.tokens)}, found [1, 2]"
    assert last.startswith("last answer: ")


def test_an_engine_that_is_unwell_in_the_end_is_told(engine: Answering) -> None:
    engine.well = False

    assert found(engine) == ["/health says that it is not well"]


def test_an_engine_that_takes_anything_is_told(engine: Answering) -> None:
    engine.refuses = False

    with pytest.raises(EngineAnswerError, match=r"request \d+: .* does not exist was accepted"):
        found(engine)


@pytest.mark.parametrize("kind", [EngineAnswerError, EngineLateError])
def test_the_first_request_without_an_answer_is_the_last_one(
    engine: Answering, kind: type[EngineAnswerError]
) -> None:
    engine.fault = (40, kind("the connection was refused"))

    with pytest.raises(kind, match=r"request \d\d: the connection was refused"):
        found(engine)

    assert engine.asked.total() < 40 + 2 * traffic._AT_ONCE
