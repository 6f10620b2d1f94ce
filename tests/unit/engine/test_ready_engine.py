"""A ready engine tells whether it is well, and how it ended."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import patience
from engine_ci.errors import EngineLateError

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Run, StandIn

KILLED = "killed from outside, for want of memory perhaps"


def test_the_end_of_an_engine_comes_with_its_last_line(run: Run, stand_in: StandIn) -> None:
    with run(stand_in()) as engine:
        os.kill(engine.pid, signal.SIGKILL)
        ended = engine.outlive()

    said = f"listening on {engine.port}"
    assert str(ended) == f"the engine died of SIGKILL ({KILLED}); its last line: {said}"
    assert ended.log == (said,)


def test_the_end_of_one_that_wrote_nothing_is_told_without(run: Run, stand_in: StandIn) -> None:
    with run(stand_in("print = lambda *_, **__: None")) as engine:
        os.kill(engine.pid, signal.SIGKILL)
        ended = engine.outlive()

    assert str(ended) == f"the engine died of SIGKILL ({KILLED})"


@pytest.mark.parametrize(
    ("change", "timeout_s"),
    [
        pytest.param("", 10, id="it-is-well"),
        pytest.param('status["/slots"] = 501', 10, id="it-need-not-tell-of-its-slots"),
        pytest.param("answers['/slots'] = lambda: exec('while True: pass')", 0.2, id="it-computes"),
    ],
)
def test_an_engine_that_answers_or_computes_is_not_ill(
    run: Run, stand_in: StandIn, change: str, timeout_s: float
) -> None:
    with run(stand_in(change)) as engine:
        assert engine.ailment(timeout_s=timeout_s) is None


def test_an_engine_is_ill_when_what_computes_does_not_answer(run: Run, stand_in: StandIn) -> None:
    with run(stand_in("answers['/slots'] = never")) as engine:
        found = engine.ailment(timeout_s=0.5)

    assert found is not None
    assert found.startswith("GET /slots: no whole answer within")


def test_an_engine_that_does_not_answer_is_ill(run: Run, stand_in: StandIn) -> None:
    with run(stand_in()) as engine:
        os.kill(engine.pid, signal.SIGSTOP)
        found = engine.ailment(timeout_s=1.0)
        os.kill(engine.pid, signal.SIGCONT)

    assert found is not None
    assert found.startswith("GET /health: no whole answer within")


def test_an_engine_that_has_ended_is_not_ill(run: Run, stand_in: StandIn) -> None:
    with run(stand_in()) as engine:
        os.kill(engine.pid, signal.SIGKILL)

        assert engine.ailment(timeout_s=10) is None


def test_an_engine_that_hangs_when_it_is_asked_is_not_waited_for_to_the_end(
    run: Run, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "WINDOW_S", 0.2)
    change = 'answers["/tokenize"], status["/tokenize"] = never, 200'

    with run(stand_in(change)) as engine:
        begin = time.monotonic()
        with pytest.raises(EngineLateError):
            engine.client.tokenize("Hello")
        assert time.monotonic() - begin < 10
