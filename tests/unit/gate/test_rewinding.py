from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import pytest

from engine_ci.engine.client import Completion, Step
from engine_ci.gate import goldens, rewinding, zoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Case

MODELS: Final = {model.name: model for model in zoo.load_catalogue()}
CASE: Final = goldens.load(zoo.golden_folder() / "sensitive-falcon-h1.json").case(rewinding.CASE)
STATE: Final = ["edited", "again"]


class Server:
    """Knows the golden, and says how much of a prompt its cache has not."""

    def __init__(
        self,
        *,
        off: Callable[[int], float] = lambda _: 0.0,
        evaluated: Callable[[Sequence[int], Sequence[int]], int] = lambda _, prompt: len(prompt),
    ) -> None:
        self._off = off
        self._evaluated = evaluated
        self._before: Sequence[int] = ()
        self.asked: list[Sequence[int]] = []

    def complete(
        self, prompt: Sequence[int], *, count: int, cache: bool, top: int = 0, slot: int = 0
    ) -> Completion:
        assert cache
        assert slot == 0
        off = self._off(len(self.asked))
        self.asked.append(prompt)
        before, self._before = self._before, prompt
        steps = tuple(
            Step(token=step.token, logprob=step.logprob + off, top=())
            for step in CASE.steps[:count]
        )
        return Completion(
            tokens=tuple(step.token for step in steps),
            text="",
            stop="limit",
            steps=steps if top else (),
            evaluated=self._evaluated(before, prompt),
        )


def told(question: Callable[[Case, Client], Iterator[str]], server: Server) -> list[str]:
    return list(question(CASE, cast("Client", server)))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("sensitive", []),
        ("sensitive-mxfp4", []),
        *((f"sensitive-{name}", ["back"]) for name in ("gemma2", "gemma3", "gpt-oss")),
        *((f"sensitive-{name}", STATE) for name in ("mamba", "mamba2", "falcon-h1")),
        *((f"sensitive-{name}", STATE) for name in ("granitehybrid", "lfm2", "qwen3next")),
    ],
)
def test_models_are_asked_by_what_their_cache_cannot_do(model: str, names: list[str]) -> None:
    assert [kind.name for kind in rewinding.kinds(MODELS[model])] == names


def test_one_token_is_asked_for_twice_and_held_against_the_golden() -> None:
    server = Server()

    assert told(rewinding.again, server) == []
    assert server.asked == [CASE.prompt, CASE.prompt]
    (difference,) = told(rewinding.again, Server(off=float))
    assert difference.startswith("asked again: expected log-probabilities within 3e-04 nats")


def test_a_prompt_is_asked_behind_a_far_longer_one_and_held_against_the_golden() -> None:
    server = Server()

    assert told(rewinding.back, server) == []
    longer, prompt = server.asked
    assert (len(longer), longer[: len(prompt)], prompt) == (1200, CASE.prompt, CASE.prompt)
    (difference,) = told(rewinding.back, Server(off=float))
    assert difference.startswith("back at the beginning: expected log-probabilities within")


@pytest.mark.parametrize(("read_again", "is_told"), [(0, False), (4, False), (312, True)])
def test_of_an_edited_turn_little_else_may_be_read_again(read_again: int, is_told: bool) -> None:
    server = Server(evaluated=lambda _, prompt: len(prompt) - 600 + read_again)

    found = told(rewinding.edited, server)

    assert [len(prompt) for prompt in server.asked] == [300, 600, 900, 1200, 608]
    assert server.asked[-1][:600] == server.asked[1]
    expected = "third turn edited: expected 1 to 71 tokens of the prompt evaluated, found 320"
    assert found == ([expected] if is_told else [])
