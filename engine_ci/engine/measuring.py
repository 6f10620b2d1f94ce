"""What is known of a running engine at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.engine import metrics, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.engine.admission_log import Snapshot
    from engine_ci.engine.metrics import Answered
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.runtime import Runtime
    from engine_ci.records.runtime import Measured


def now(
    runtime: Runtime[Engine],
    *,
    answers: Sequence[Answered] = (),
    admissions: Snapshot | None = None,
) -> Measured:
    """What is known of an engine at this moment, without a question to it.

    Args:
        runtime: what is measured.
        answers: those of the engine's that somebody has timed.
        admissions: what admission to its cache has to tell, where there is one.
    """
    engine, restarts = runtime.engine, runtime.restarts
    return metrics.measured(
        metrics.grade(runtime.state, ailment=runtime.ailment, restarts=restarts),
        restarts=restarts,
        engine=engine,
        memory=usage.memory(engine.pid) if engine else None,
        answers=answers,
        admissions=admissions,
    )
