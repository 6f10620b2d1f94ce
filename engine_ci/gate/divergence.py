"""Pure. How far the log-probabilities of two engines are apart, after the same tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from statistics import fmean, median
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Top: TypeAlias = "Sequence[tuple[int, float]]"

# What is less probable counts as equally improbable, so that every number stays finite.
_LEAST_LOGPROB: Final = -50.0
# What is left beside the listed tokens is known no better than this: log-probabilities are rounded.
_LEAST_REST: Final = 1e-6


class Step(Protocol):
    """One generated token, and the most probable ones with their log-probabilities, best first."""

    @property
    def token(self) -> int:
        """The chosen token."""

    @property
    def top(self) -> tuple[tuple[int, float], ...]:
        """Tokens and natural log-probabilities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """The first step at which two engines chose differently.

    Attributes:
        margin: nats by which the expected token led the runner-up; small, and noise can flip it.
    """

    step: int
    expected: int
    found: int
    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """The distance of two answers to one prompt.

    Attributes:
        steps: how many could be compared: up to the first flip, and that step itself, since the
            tokens before it are still the same.
        divergence: mean Kullback-Leibler divergence of a step, in nats.
        mean, median, largest: absolute difference of the log-probability of an expected token, in
            nats.
    """

    steps: int
    divergence: float
    mean: float
    median: float
    largest: float
    flip: Flip | None


def compare(expected: Sequence[Step], found: Sequence[Step]) -> Drift:
    """The drift from one answer to another of the same length, at least one step long."""
    flip = first_flip(expected, found)
    comparable = _comparable(expected, flip)
    steps = zip(expected, found, strict=True)
    pairs = [_pairs(one.top, other.top) for one, other in islice(steps, comparable)]
    differences = [abs(p - q) for step in pairs for p, q in step]
    return Drift(
        steps=comparable,
        divergence=fmean(map(_divergence, pairs)),
        mean=fmean(differences),
        median=median(differences),
        largest=max(differences),
        flip=flip,
    )


def step_by_step(expected: Sequence[Step], found: Sequence[Step]) -> list[Drift]:
    """The drift of each step that can be compared."""
    flip = first_flip(expected, found)
    steps = zip(expected, found, strict=True)
    return [compare([one], [other]) for one, other in islice(steps, _comparable(expected, flip))]


def least_margin(steps: Iterable[Step]) -> float:
    """By how many nats the least sure of the chosen tokens leads its runner-up."""
    return min(_margin(step) for step in steps)


def first_flip(expected: Sequence[Step], found: Sequence[Step]) -> Flip | None:
    """Where two answers part, or None."""
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        if one.token != other.token:
            return Flip(step=number, expected=one.token, found=other.token, margin=_margin(one))
    return None


def _comparable(expected: Sequence[Step], flip: Flip | None) -> int:
    return len(expected) if flip is None else flip.step + 1


def _margin(step: Step) -> float:
    (_, best), (_, runner_up) = step.top[:2]
    return best - runner_up


def divergence(expected: Top, found: Top) -> float:
    """The Kullback-Leibler divergence of two truncated distributions, in nats, at least 0.

    All tokens that `expected` does not list are one more outcome.
    """
    return _divergence(_pairs(expected, found))


def _divergence(pairs: Sequence[tuple[float, float]]) -> float:
    listed = sum(math.exp(p) * (p - q) for p, q in pairs)
    p_rest = _rest([p for p, _ in pairs])
    q_rest = _rest([q for _, q in pairs])
    return max(0.0, listed + p_rest * math.log(p_rest / q_rest))


def _rest(logprobs: Sequence[float]) -> float:
    return max(_LEAST_REST, 1 - sum(map(math.exp, logprobs)))


def _pairs(expected: Top, found: Top) -> list[tuple[float, float]]:
    """Both log-probabilities of every token that `expected` lists.

    A token that `found` does not list is at most as probable as the last one that it does.
    """
    known = dict(found)
    last = min(known.values())
    pairs = [(logprob, known.get(token, min(logprob, last))) for token, logprob in expected]
    return [(max(p, _LEAST_LOGPROB), max(q, _LEAST_LOGPROB)) for p, q in pairs]
