"""An engine is measured without a question to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from engine_ci.engine import measuring
from engine_ci.engine.metrics import Answered
from engine_ci.engine.states import Stopped
from engine_ci.records.runtime import Grade
from tests.unit.engine.conftest import as_runtime

if TYPE_CHECKING:
    from engine_ci.engine.admission_log import Snapshot


def test_what_is_known_of_a_ready_engine(stage: SimpleNamespace) -> None:
    found = measuring.now(as_runtime(stage))

    assert (found.health, found.restarts) == (Grade.OK, 1)
    assert (found.load_s, found.start_s) == (0.25, 0.5)
    assert found.resident
    assert found.anonymous


def test_an_engine_that_is_not_there_has_no_memory(stage: SimpleNamespace) -> None:
    stage.state, stage.engine = Stopped(), None

    found = measuring.now(as_runtime(stage))

    assert (found.health, found.resident, found.start_s) == (Grade.DOWN, None, None)


def test_an_app_adds_what_only_it_has_seen(stage: SimpleNamespace) -> None:
    waits = SimpleNamespace(waited_s=3.0, decisions={"admitted": 2})

    found = measuring.now(
        as_runtime(stage),
        answers=[Answered(first_s=0.5, tokens=8, rest_s=2.0)],
        admissions=cast("Snapshot", waits),
    )

    assert (found.first_token_s, found.tokens_per_s, found.queue_wait_s) == (0.5, 4.0, 1.5)
