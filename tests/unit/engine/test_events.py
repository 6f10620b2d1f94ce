from __future__ import annotations

import io
import json
import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from engine_ci.engine.events import (
    Channel,
    ClaimAcquired,
    ClaimRejected,
    Event,
    FallbackEngaged,
    HealthDegraded,
    StateChanged,
    write_lines,
)
from engine_ci.engine.states import Ready, Restarting, Starting

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STARTS = Restarting(attempt=1, last_error="died of SIGSEGV")


def changed(number: int = 0) -> StateChanged:
    return StateChanged(engine=f"{number}", from_=Starting(), to=STARTS, at=NOON, reason="a crash")


def test_a_change_is_told_with_all_that_the_states_say() -> None:
    assert json.loads(changed().model_dump_json()) == {
        "kind": "runtime.state.changed",
        "engine": "0",
        "from": {"name": "starting"},
        "to": {"name": "restarting", "attempt": 1, "last_error": "died of SIGSEGV"},
        "at": "2026-11-22T12:00:00Z",
        "reason": "a crash",
    }


@pytest.mark.parametrize(
    "event",
    [
        changed(),
        ClaimAcquired(engine="a", at=NOON, bundle="b"),
        ClaimRejected(engine="a", at=NOON, reasons=("no Metal",)),
        FallbackEngaged(engine="a", at=NOON, fallback="cpu", reasons=("no Metal",)),
        HealthDegraded(engine="a", at=NOON, reason="silent"),
    ],
    ids=lambda event: event.kind,
)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    reader: TypeAdapter[Event] = TypeAdapter(Event)

    assert reader.validate_json(event.model_dump_json()) == event


def test_no_change_is_no_event() -> None:
    with pytest.raises(ValidationError, match="no change: ready"):
        StateChanged(engine="a", from_=Ready(), to=Ready(), at=NOON, reason="")


def test_every_listener_hears_all_in_order_and_then_the_end() -> None:
    channel = Channel()
    listeners = [channel.listen() for _ in range(3)]
    events = [changed(number) for number in range(5)]

    for event in events:
        channel.publish(event)
    channel.close()

    assert [list(listener) for listener in listeners] == [events] * 3


def test_a_listener_hears_what_is_published_after_it_came() -> None:
    channel = Channel()
    channel.publish(changed(1))
    listener = channel.listen()
    channel.publish(changed(2))
    channel.close()

    assert list(listener) == [changed(2)]


def test_one_that_is_forgotten_keeps_what_it_has_heard() -> None:
    channel = Channel()
    listener = channel.listen()
    channel.publish(changed(1))
    channel.forget(listener)
    channel.publish(changed(2))

    assert list(listener) == [changed(1)]


def test_the_end_is_heard_by_all_who_ask_and_again() -> None:
    channel = Channel()
    before = channel.listen()
    channel.close()
    after = channel.listen()

    assert [list(before), list(before), list(after)] == [[], [], []]


def test_publishers_in_several_threads_are_heard_by_all_in_one_order() -> None:
    channel = Channel()
    listeners = [channel.listen() for _ in range(3)]

    def publish(first: int) -> None:
        for number in range(first, first + 200):
            channel.publish(changed(number))

    threads = [threading.Thread(target=publish, args=[first]) for first in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    channel.close()

    heard = [[event.engine for event in listener] for listener in listeners]
    assert heard[0] == heard[1] == heard[2]
    assert len(set(heard[0])) == 600


def test_ten_thousand_changes_reach_three_listeners_of_whom_one_fails_and_one_is_late() -> None:
    channel = Channel()
    quick, failing, late = (channel.listen() for _ in range(3))
    heard: list[str] = []
    failed: list[int] = []

    def count() -> None:
        heard.extend(event.engine for event in quick)

    def fail() -> None:
        with suppress(ZeroDivisionError):
            failed.extend(int(event.engine) // 0 for event in failing)

    threads = [threading.Thread(target=count), threading.Thread(target=fail)]
    for thread in threads:
        thread.start()
    for number in range(10_000):
        channel.publish(changed(number))
    channel.close()
    for thread in threads:
        thread.join()

    expected = [str(number) for number in range(10_000)]
    assert (heard, failed) == (expected, [])
    assert [event.engine for event in late] == expected


def test_events_are_written_one_a_line_as_they_come() -> None:
    channel, stream = Channel(), io.StringIO()
    listener = channel.listen()
    channel.publish(changed(1))
    channel.publish(changed(2))
    channel.close()

    write_lines(listener, stream)

    lines = stream.getvalue().splitlines()
    assert [json.loads(line)["engine"] for line in lines] == ["1", "2"]
