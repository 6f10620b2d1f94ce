"""Pure. What llama.cpp's samplers make of the probabilities of the next token.

Those that leave out tokens are given the parameter that leaves so many, half-way between two
tokens, where rounding decides nothing.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# Log-probabilities by token, of those that are possible.
Odds: TypeAlias = "Mapping[int, float]"


def normalised(odds: Odds) -> Odds:
    """The same, with probabilities that sum to one."""
    most = max(odds.values())
    total = most + math.log(math.fsum(math.exp(each - most) for each in odds.values()))
    return {token: each - total for token, each in odds.items()}


def cooled(odds: Odds, temperature: float) -> Odds:
    """At a temperature, from those at 1."""
    return normalised({token: each / temperature for token, each in odds.items()})


def only(odds: Odds, tokens: Collection[int]) -> Odds:
    """Without all others."""
    return normalised({token: odds[token] for token in tokens})


def without(odds: Odds, tokens: Collection[int]) -> Odds:
    """Without some."""
    return normalised({token: each for token, each in odds.items() if token not in tokens})


def shifted(odds: Odds, by: Mapping[int, float]) -> Odds:
    """With so much added to some."""
    return normalised({token: each + by.get(token, 0.0) for token, each in odds.items()})


def surprise(odds: Odds) -> dict[int, float]:
    """By how much each token tells more or less than a token does on average, in nats."""
    average = -math.fsum(math.exp(each) * each for each in odds.values())
    return {token: abs(-each - average) for token, each in odds.items()}


def ordered(values: Mapping[int, float]) -> list[int]:
    """Tokens, that with the least first."""
    return sorted(values, key=values.__getitem__)


def clearest(values: Sequence[float], *, among: int) -> int:
    """How many to keep, 2 to `among`, so that the last is farthest from the first left out."""
    steps = [abs(after - before) for before, after in pairwise(values[1 : among + 1])]
    return steps.index(max(steps)) + 2


def share(odds: Odds, kept: Sequence[int]) -> float:
    """What all that are kept have together, without half of the last."""
    chances = [math.exp(odds[token]) for token in kept]
    return math.fsum(chances) - chances[-1] / 2


def deviation(odds: Odds) -> float:
    """The standard deviation of the logits."""
    return statistics.pstdev(odds.values())


def repeated(
    text: Sequence[int], *, presence_penalty: float, frequency_penalty: float
) -> dict[int, float]:
    """What is added to the logits of tokens that were said before."""
    return {
        token: -presence_penalty - frequency_penalty * count
        for token, count in Counter(text).items()
    }


def dry(
    text: Sequence[int], *, dry_multiplier: float, dry_base: float, dry_allowed_length: float
) -> dict[int, float]:
    """What is added to those of tokens that went on before where the text now ends alike."""
    longest: dict[int, int] = {}
    for place, token in enumerate(text):
        longest[token] = max(_alike(text[:place], text), longest.get(token, 0))
    return {
        token: -dry_multiplier * dry_base ** (length - dry_allowed_length)
        for token, length in longest.items()
        if length >= dry_allowed_length
    }


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two texts have in common at their ends."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), len(first))
