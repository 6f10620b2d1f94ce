from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.stopwatch import Mark, Thread
from engine_ci.errors import EngineStartError
from engine_ci.gate import streaming, timing
from engine_ci.gate.schedule import Role, plan
from engine_ci.gate.streaming import Stream
from engine_ci.gate.timing import BaselineFailedError, Restart
from tests.unit.gate.test_streaming import GENERATION, PACE, PROMPT, READING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def broken(tmp_path: Path) -> LlamaServer:
    """A program that ends at once."""
    program = tmp_path / "llama-server"
    program.write_text("#!/bin/sh\necho no such instruction >&2\nexit 3\n")
    program.chmod(0o755)
    return LlamaServer(program)


@pytest.mark.parametrize(
    ("role", "error", "message"),
    [
        (Role.CANDIDATE, EngineStartError, "--help"),
        (Role.BASELINE, BaselineFailedError, "the baseline failed: "),
        (Role.CONTROL, BaselineFailedError, "the baseline failed: "),
    ],
)
def test_only_the_candidates_failure_is_the_engines_fault(
    role: Role, error: type[Exception], message: str, tmp_path: Path, broken: LlamaServer
) -> None:
    first = (seed for seed in count() if plan(seed=seed, restarts=1, rounds=4)[0][0][0] is role)

    with pytest.raises(error, match=message):
        list(
            timing.measure(
                dict.fromkeys(Role, broken),
                models={"small": tmp_path / "small", "wide": tmp_path / "wide"},
                logs=tmp_path,
                seed=next(first),
                restarts=1,
                questions=(READING, GENERATION),
            )
        )


def test_where_nothing_is_wanted_nothing_is_started(tmp_path: Path, broken: LlamaServer) -> None:
    measured = timing.measure(
        dict.fromkeys(Role, broken),
        models={},
        logs=tmp_path,
        seed=1,
        restarts=3,
        questions=(READING, GENERATION),
        wanted=lambda _: False,
    )

    assert not list(measured)


def test_only_what_is_wanted_is_started(tmp_path: Path, broken: LlamaServer) -> None:
    measured = timing.measure(
        dict.fromkeys(Role, broken),
        models={"small": tmp_path / "small", "wide": tmp_path / "wide"},
        logs=tmp_path,
        seed=1,
        restarts=1,
        questions=(READING, GENERATION),
        wanted=lambda question: question is GENERATION,
    )

    with pytest.raises((EngineStartError, BaselineFailedError)):
        list(measured)

    started = {path.name.partition("-")[0] for path in tmp_path.glob("*.log")}
    assert READING.model not in started


def test_a_session_becomes_one_array_for_each_role() -> None:
    session = [
        Restart(
            started=dict.fromkeys(Role, 0.1),
            speeds={
                PACE: [dict.fromkeys(Role, place), dict.fromkeys(Role, place + 1)],
                PROMPT: [dict.fromkeys(Role, 1000.0)],
            },
            clock_s=1.0,
            waited_s=0.0,
        )
        for place in (10.0, 20.0, 30.0)
    ]

    found = timing.samples(session, PACE)

    assert found.metric == PACE
    assert found.speeds[Role.CONTROL].tolist() == [[10.0, 11.0], [20.0, 21.0], [30.0, 31.0]]
    assert timing.samples(session, PROMPT).speeds[Role.CANDIDATE].shape == (3, 1)


def test_a_restart_that_did_not_ask_adds_nothing() -> None:
    asked, not_asked = (
        Restart(started={}, speeds=speeds, clock_s=1.0, waited_s=0.0)
        for speeds in ({PACE: [dict.fromkeys(Role, 10.0)]}, {})
    )

    assert timing.samples([asked, not_asked], PACE).speeds[Role.CONTROL].tolist() == [[10.0]]


def test_what_an_engine_sleeps_before_every_answer_counts_on_a_busy_host_too() -> None:
    def answer(waits: float, sleeps: float) -> Stream:
        """10 ms of computing, while two threads wait at the same time."""
        waited = int(waits * 1e9)
        first = Mark(
            at=100.01 + waits + sleeps,
            engine={1: Thread(10_000_000, waited), 2: Thread(0, waited)},
            ours={},
        )
        asked = Mark(at=100.0, engine={}, ours={})
        return Stream(asked=asked, prompt_tokens=8, pieces=(streaming.Piece(1, first),))

    slow = [(0.5, 0.005), (0.2, 0.09), (0.4, 0.04)]
    answers = [
        {Role.CANDIDATE: answer(*each), Role.BASELINE: answer(0.3, 0.0), Role.CONTROL: answer(0, 0)}
        for each in slow
    ]

    for found in timing._alike(answers, least={}):
        assert {role: stream.first_s for role, stream in found.items()} == pytest.approx(
            {Role.CANDIDATE: 0.015, Role.BASELINE: 0.01, Role.CONTROL: 0.01}
        )


def session(*, clock_s: Sequence[float], waited_s: Sequence[float]) -> list[Restart]:
    return [
        Restart(started={}, speeds={}, clock_s=clock, waited_s=waited)
        for clock, waited in zip(clock_s, waited_s, strict=True)
    ]


def test_a_session_tells_which_share_of_its_time_was_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = session(clock_s=[3.0, 1.0], waited_s=[1.0, 0.0])
    monkeypatch.setattr("engine_ci.engine.stopwatch.counts_waits", lambda: True)

    assert timing.waited(measured) == 0.25


def test_where_the_system_does_not_tell_no_share_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine_ci.engine.stopwatch.counts_waits", lambda: False)

    assert timing.waited(session(clock_s=[3.0], waited_s=[0.0])) is None
