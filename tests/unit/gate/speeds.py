"""Speeds as a host would give them: a true ratio, noise of pairs, and luck of whole processes."""

from __future__ import annotations

import numpy as np

from engine_ci.gate.schedule import Role
from engine_ci.gate.speed import Metric, Samples

BASELINE_SPEED = 300.0
GENERATION = Metric(name="generation")
FIRST_TOKEN = Metric(name="first-token", unit="answers", limit=0.8)


def speeds(
    *,
    candidate: float = 1.0,
    control: float = 1.0,
    noise: float = 0.01,
    restarts: int = 12,
    rounds: int = 4,
    seed: int = 1,
    metric: Metric = GENERATION,
) -> Samples:
    """Speeds with those true ratios to the baseline; `noise` is of one answer, as sd."""
    generator = np.random.default_rng(seed)
    return Samples(
        metric=metric,
        speeds={
            role: BASELINE_SPEED * ratio * np.exp(noise * generator.normal(size=(restarts, rounds)))
            for role, ratio in (
                (Role.CANDIDATE, candidate),
                (Role.BASELINE, 1.0),
                (Role.CONTROL, control),
            )
        },
    )
