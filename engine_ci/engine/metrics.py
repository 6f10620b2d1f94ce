"""Pure. What a runtime measures of one engine, put together as one snapshot.

Times are taken on our side of the connection: what engines say of their own speed has changed its
meaning between builds.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.engine.states import Ready, Restarting, Starting
from engine_ci.records.runtime import Grade, Measured

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.engine.admission_log import Snapshot
    from engine_ci.engine.client import Chunk
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.states import State
    from engine_ci.engine.usage import Memory


class Answered(NamedTuple):
    """One answer that was streamed.

    Attributes:
        first_s: seconds from the request to its first token.
        tokens: that came after the first piece.
        rest_s: seconds that these took.
    """

    first_s: float
    tokens: int
    rest_s: float

    @classmethod
    def of(cls, chunks: Iterable[Chunk], *, asked: float) -> Answered:
        """From its pieces, at least one of them with a token; `asked` by the clock of theirs."""
        first, *rest = [chunk for chunk in chunks if chunk.tokens]
        last = rest[-1] if rest else first
        return cls(
            first_s=first.at - asked,
            tokens=sum(chunk.tokens for chunk in rest),
            rest_s=last.at - first.at,
        )


def grade(state: State, *, ailment: str | None, restarts: int) -> Grade:
    """How well an engine is that is in a state, and was found ill of something by the last check.

    Before its first crash, an engine that starts is not there yet; after it, one that comes back.
    """
    match state:
        case Ready():
            return Grade.DEGRADED if ailment else Grade.OK
        case Restarting():
            return Grade.DEGRADED
        case Starting() if restarts:
            return Grade.DEGRADED
        case _:
            return Grade.DOWN


def measured(
    health: Grade,
    *,
    restarts: int = 0,
    engine: Engine | None = None,
    memory: Memory | None = None,
    answers: Sequence[Answered] = (),
    admissions: Snapshot | None = None,
) -> Measured:
    """All that is known, at one moment."""
    return Measured(
        health=health,
        load_s=engine.loaded_s if engine else None,
        start_s=engine.started_s if engine else None,
        first_token_s=statistics.median(each.first_s for each in answers) if answers else None,
        tokens_per_s=_rate(answers),
        queue_wait_s=_wait(admissions) if admissions else None,
        restarts=restarts,
        resident=memory.resident if memory else None,
        anonymous=memory.own if memory else None,
    )


def _rate(answers: Sequence[Answered]) -> float | None:
    seconds = sum(each.rest_s for each in answers)
    return sum(each.tokens for each in answers) / seconds if seconds else None


def _wait(admissions: Snapshot) -> float:
    return admissions.waited_s / max(1, sum(admissions.decisions.values()))
