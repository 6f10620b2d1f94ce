"""Serves requests for several engines, of which one runs at a time."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from engine_ci.engine import swap

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.swap import Request, Strategy


def served(
    requests: Sequence[Request],
    *,
    strategy: Strategy,
    launch: Callable[[str], AbstractContextManager[Engine]],
) -> Generator[tuple[Request, Engine], None, None]:
    """Each request with its engine, in the strategy's order; the engine before has ended then.

    Args:
        requests: oldest first.
        strategy: who is next.
        launch: gives the engine of that name when it is ready, and ends it.

    Raises:
        EngineError: an engine does not start.
    """
    with ExitStack() as running:
        engine, name = None, ""
        for request in swap.plan(requests, strategy=strategy):
            if engine is None or request.engine != name:
                running.close()
                engine, name = running.enter_context(launch(request.engine)), request.engine
            yield request, engine
