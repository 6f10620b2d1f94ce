"""Pure. Where a row of values, such as start times, has gone over to another level.

Such values are of one start each, on a host that does other things too: nobody knows their noise,
and some are far off. So only their order counts. Pettitt's test (1979) holds the values before each
place against those after it, as Wilcoxon and Mann and Whitney do, and knows how far they may lie
apart at the best place of all by chance. What is found parts the row, and both parts are looked at
again. It takes about sixteen values to be sure of anything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# How often a row that stays on one level is said to leave it.
DOUBT: Final = 0.01


def find(values: Sequence[float], *, doubt: float = DOUBT) -> tuple[int, ...]:
    """The numbers of the values that are the first of a new level, in order."""
    count = len(values)
    at, furthest = _parting(values) if count > 1 else (0, 0.0)
    if 2 * math.exp(-6 * furthest**2 / (count**3 + count**2 or 1)) > doubt:
        return ()
    after = (at + each for each in find(values[at:], doubt=doubt))
    return (*find(values[:at], doubt=doubt), at, *after)


def _parting(values: Sequence[float]) -> tuple[int, float]:
    """Before which value the two sides lie furthest apart, and how far.

    That is by how many pairs of one value from either side more point one way than the other.
    """
    above = np.sign(np.subtract.outer(values, values)).sum(axis=1)
    apart = np.abs(np.cumsum(above)[:-1])
    best = int(apart.argmax())
    return best + 1, float(apart[best])
