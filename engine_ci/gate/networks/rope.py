"""Pure. Rotary position embedding: pairs of values, turned further with every position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine_ci.gate.networks.model import Values

Turns = tuple["Values", "Values"]


def turns(positions: NDArray[np.int_], *, size: int, base: float) -> Turns:
    """Cosine and sine of each position's angles, (tokens, rotated pairs)."""
    steps = base ** (-np.arange(0, size, 2) / size)
    angles = positions[:, None] * steps
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


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
