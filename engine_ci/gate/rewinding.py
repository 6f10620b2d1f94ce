"""Goes back in a conversation with models that cannot drop the end of it from their cache.

A state is of all tokens, and a sliding window has forgotten the early ones. Engines keep copies of
earlier caches, go on from one that fits, and start over where none does. Each question yields in
words what was not as expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.gate import pressing, pressure
from engine_ci.gate.networks import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Case
    from engine_ci.gate.zoo import Model

CASE: Final = "random-200"
_TURN: Final = 300
_TURNS: Final = 4
_KEPT: Final = 2
_ANSWER: Final = 4
_NEW: Final = 8
# Engines go on a few tokens before where they could.
_AGAIN: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One question about a case of a golden.

    Attributes:
        promise: no golden knows the answer, so that the baseline is a measure too.
    """

    name: str
    expected: str
    differences: Callable[[Case, Client], Iterator[str]]
    promise: bool = False


def kinds(model: Model) -> Iterator[Kind]:
    """What a model is asked; those that are exact enough for a single answer to tell."""
    if model.weights != "F32":
        return
    traits = ARCHITECTURES[model.architecture]
    if traits.keeps_a_state:
        yield Kind(
            name="edited",
            expected="little but an edited turn evaluated",
            differences=edited,
            promise=True,
        )
        yield Kind(name="again", expected="the golden token, twice", differences=again)
    if traits.has_a_window:
        yield Kind(name="back", expected="the golden log-probabilities", differences=back)


def again(case: Case, client: Client) -> Iterator[str]:
    """One token after a prompt, and after the same prompt."""
    for what in ("asked first", "asked again"):
        yield from pressure.unexpected([pressing.exchange(what, case, client, count=1)])


def back(case: Case, client: Client) -> Iterator[str]:
    """A prompt after a far longer one that begins with it."""
    client.complete(_longer(case), count=1, cache=True)
    found = pressing.exchange("back at the beginning", case, client, count=_ANSWER)
    yield from pressure.unexpected([found])


def edited(case: Case, client: Client) -> Iterator[str]:
    """The third of four turns with another text."""
    text = _longer(case)
    for turn in range(1, _TURNS + 1):
        client.complete(text[: turn * _TURN], count=1, cache=True)
    new = case.prompt[:_NEW]
    found = client.complete(text[: _KEPT * _TURN] + new, count=1, cache=True)
    yield from pressure.reworked("third turn edited", range(1, _NEW + _AGAIN), found)


def _longer(case: Case) -> tuple[int, ...]:
    """As long as all turns, the case at its beginning."""
    repeats = _TURNS * _TURN // len(case.prompt) - 1
    return case.prompt + case.prompt[::-1] * repeats
