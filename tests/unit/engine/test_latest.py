"""What was started last can be ended from another thread, at whatever moment."""

from __future__ import annotations

import pytest

from engine_ci.engine.latest import Latest
from engine_ci.errors import EngineStartError


def test_what_was_started_last_is_what_there_is_to_be_ended() -> None:
    latest: Latest[str] = Latest()
    assert [latest.start(lambda: "first"), latest.start(lambda: "second")] == ["first", "second"]

    assert latest.cancel() == "second"


def test_nothing_is_started_after_its_end_was_asked_for() -> None:
    latest: Latest[str] = Latest()

    assert latest.cancel() is None
    with pytest.raises(EngineStartError, match="stopped before it was started"):
        latest.start(lambda: pytest.fail("it was started"))


def test_a_start_that_fails_leaves_what_was_started_before() -> None:
    latest: Latest[str] = Latest()
    latest.start(lambda: "first")

    with pytest.raises(ZeroDivisionError):
        latest.start(lambda: str(1 / 0))

    assert latest.cancel() == "first"
