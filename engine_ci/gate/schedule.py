"""Pure. In which order the engines are asked, so that no slow change of the host favours one."""

from __future__ import annotations

from enum import StrEnum

import numpy as np


class Role(StrEnum):
    """What a process stands for. `CONTROL` is the baseline's program once more."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    CONTROL = "control"


Round = tuple[Role, ...]


def plan(*, seed: int, restarts: int, rounds: int) -> tuple[tuple[Round, ...], ...]:
    """For each restart its rounds; in a round every engine is asked once.

    Rounds come in pairs, the second in the reverse order of the first (A B C, C B A): a steady
    drift of the host then cancels out. `rounds` is even.
    """
    generator = np.random.default_rng(seed)
    return tuple(_mirrored(generator, pairs=rounds // 2) for _ in range(restarts))


def _mirrored(generator: np.random.Generator, *, pairs: int) -> tuple[Round, ...]:
    roles = tuple(Role)
    orders = [tuple(roles[index] for index in generator.permutation(3)) for _ in range(pairs)]
    return tuple(order for first in orders for order in (first, first[::-1]))
