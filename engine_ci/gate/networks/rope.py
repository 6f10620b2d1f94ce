"""Pure. Rotary position embedding: pairs of values, turned further with every position."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine_ci.gate.networks.model import Values

Turns: TypeAlias = "tuple[Values, Values]"
Steps: TypeAlias = "NDArray[np.float64]"

# In a context of that length, pairs that turn as often as the first keep their step; those that
# turn as often as the second take the smaller one; the others take some of both.
_OFTEN: Final = 32.0
_SELDOM: Final = 1.0


def steps(*, size: int, base: float) -> Steps:
    """The angle of each pair from one position to the next, (rotated pairs,)."""
    steps: Steps = base ** (-np.arange(0, size, 2) / size)
    return steps


def yarn(steps: Steps, *, base: float, factor: float, context: int) -> Steps:
    """Steps for a context `factor` times as long as that of the training, in tokens.

    Source: Peng et al., "YaRN: Efficient Context Window Extension of Large Language Models", with
    the bounds rounded to whole pairs as in the authors' code.
    """
    size = 2 * len(steps)

    def pair(times: float) -> float:
        """That which turns so often."""
        return size * math.log(context / (2 * math.pi * times)) / (2 * math.log(base))

    first, last = max(math.floor(pair(_OFTEN)), 0), min(math.ceil(pair(_SELDOM)), size - 1)
    smaller = np.clip((np.arange(len(steps)) - first) / max(last - first, 1e-3), 0, 1)
    mixed: Steps = steps * (1 - smaller) + steps / factor * smaller
    return mixed


def yarn_magnitude(factor: float) -> float:
    """What YaRN scales queries and keys by. Source: as `yarn`."""
    return 0.1 * math.log(factor) + 1


def turns(positions: NDArray[np.int_], steps: Steps, *, magnitude: float = 1.0) -> Turns:
    """Cosine and sine of each position's angles, (tokens, rotated pairs), times the magnitude."""
    angles = positions[:, None] * steps
    cosine, sine = magnitude * np.cos(angles), magnitude * np.sin(angles)
    return cosine.astype(np.float32), sine.astype(np.float32)


def rotate(heads: Values, by: Turns, *, halves: bool) -> Values:
    """Turns neighbours, or each value of one half with its like in the other ("neox").

    Values beyond the rotated ones stay.
    """
    cosine, sine = by
    size = 2 * cosine.shape[-1]
    one, other = (
        (slice(0, size // 2), slice(size // 2, size))
        if halves
        else (slice(0, size, 2), slice(1, size, 2))
    )
    rotated = heads.copy()
    rotated[..., one] = heads[..., one] * cosine - heads[..., other] * sine
    rotated[..., other] = heads[..., one] * sine + heads[..., other] * cosine
    return rotated
