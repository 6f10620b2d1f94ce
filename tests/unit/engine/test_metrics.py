"""What is measured of an engine, as one snapshot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from engine_ci.engine import metrics
from engine_ci.engine.admission_log import Decision, Record, Tally
from engine_ci.engine.client import Chunk
from engine_ci.engine.kv import empty
from engine_ci.engine.metrics import Answered
from engine_ci.engine.states import (
    Failed,
    NotSpawning,
    Ready,
    Restarting,
    Starting,
    State,
    Stopped,
    Stopping,
)
from engine_ci.engine.usage import Memory
from engine_ci.records.runtime import Grade, Measured

if TYPE_CHECKING:
    from engine_ci.engine.ready_engine import Engine

CRASHED = Restarting(attempt=1, last_error="died of SIGSEGV")


@pytest.mark.parametrize(
    ("state", "ailment", "restarts", "health"),
    [
        (Ready(), None, 0, Grade.OK),
        (Ready(), None, 2, Grade.OK),
        (Ready(), "no answer", 0, Grade.DEGRADED),
        (CRASHED, None, 1, Grade.DEGRADED),
        (Starting(), None, 1, Grade.DEGRADED),
        (Starting(), None, 0, Grade.DOWN),
        (Stopped(), None, 1, Grade.DOWN),
        (Stopping(), "no answer", 0, Grade.DOWN),
        (Failed(attempts=4, last_error="died of SIGSEGV"), None, 3, Grade.DOWN),
        (NotSpawning(reason="no model"), None, 0, Grade.DOWN),
    ],
)
def test_how_well_an_engine_is(
    state: State, ailment: str | None, restarts: int, health: Grade
) -> None:
    assert metrics.grade(state, ailment=ailment, restarts=restarts) is health


def test_an_answer_is_timed_from_its_pieces() -> None:
    pieces = [
        Chunk(at=10.0, tokens=0),
        Chunk(at=10.5, tokens=1),
        Chunk(at=11.0, tokens=2),
        Chunk(at=11.5, tokens=2),
        Chunk(at=99.0, tokens=0),
    ]
    assert Answered.of(pieces, asked=10.0) == Answered(first_s=0.5, tokens=4, rest_s=1.0)


def test_an_answer_in_one_piece_has_no_rest() -> None:
    found = Answered.of([Chunk(at=10.5, tokens=3)], asked=10.0)
    assert found == Answered(first_s=0.5, tokens=0, rest_s=0.0)
    assert metrics.measured(Grade.OK, answers=[found]).tokens_per_s is None


def test_of_what_nobody_measured_nothing_is_known() -> None:
    assert metrics.measured(Grade.DOWN) == Measured(health=Grade.DOWN)


def test_all_that_is_known_is_told() -> None:
    engine = cast("Engine", SimpleNamespace(loaded_s=0.25, started_s=0.5))
    answers = [
        Answered(first_s=0.1, tokens=10, rest_s=1.0),
        Answered(first_s=0.2, tokens=30, rest_s=1.0),
        Answered(first_s=9.0, tokens=20, rest_s=1.0),
    ]
    tally = Tally()
    for waited_s, decision in ((0.0, Decision.ADMITTED), (3.0, Decision.GAVE_UP)):
        tally.add(Record(at=0, waited_s=waited_s, decision=decision, prompt=1, count=1, plan=None))

    found = metrics.measured(
        Grade.OK,
        restarts=2,
        engine=engine,
        memory=Memory(own=1, resident=2, peak=3),
        answers=answers,
        admissions=tally.snapshot(empty(budget=1, slots=1)),
    )

    assert found == Measured(
        health=Grade.OK,
        load_s=0.25,
        start_s=0.5,
        first_token_s=0.2,
        tokens_per_s=20.0,
        queue_wait_s=1.5,
        restarts=2,
        resident=2,
        anonymous=1,
    )


def test_where_nobody_asked_for_room_nobody_waited() -> None:
    admissions = Tally().snapshot(empty(budget=1, slots=1))
    assert metrics.measured(Grade.OK, admissions=admissions).queue_wait_s == 0
