"""What a runtime measured of one engine: in `gate.json`, and as Prometheus' text."""

from __future__ import annotations

from enum import StrEnum

from engine_ci.system.documents import Document


class Grade(StrEnum):
    """How well an engine is: it answers; it lives and does not, or comes back; it does not run."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class Measured(Document):
    """One engine at one moment; what nobody measured is None, and 0 is none.

    Attributes:
        health: how well it is.
        load_s: seconds from its start until its model was loaded.
        start_s: seconds from its start until its first answer.
        first_token_s: seconds from a request to its first token, the median of those measured.
        tokens_per_s: of generation, without the first of each answer; all that were measured.
        queue_wait_s: seconds that a request waited for its share of the cache, the mean of all.
        restarts: after crashes, since the engine was first asked for.
        resident: bytes that its processes have in RAM.
        anonymous: bytes of theirs that are of no file, in RAM or swapped out.
    """

    health: Grade
    load_s: float | None = None
    start_s: float | None = None
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    queue_wait_s: float | None = None
    restarts: int = 0
    resident: int | None = None
    anonymous: int | None = None
