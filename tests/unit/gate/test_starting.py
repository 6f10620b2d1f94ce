from __future__ import annotations

import os
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.backends import Backends
from engine_ci.engine.client import Chunk
from engine_ci.errors import EngineAnswerError, EngineStartError
from engine_ci.gate import asking, starting
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.starting import Pair, Start
from engine_ci.records.gate import Status
from engine_ci.records.runtime import Grade, Measured
from tests.unit.gate.contexts import context, subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.gate.context import Subject


def start(seconds: float, cpu_s: float) -> Start:
    return Start(
        seconds=seconds, cpu_s=cpu_s, backends=Backends(), measured=Measured(health=Grade.OK)
    )


def judged(*candidate: tuple[float, float]) -> Status:
    """The word on these starts (clock, CPU) against 0.2 s, 0.1 s of CPU time."""
    pairs = [Pair(candidate=start(*one), baseline=start(0.2, 0.1)) for one in candidate]
    return starting.judge(pairs).status


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        pytest.param([(0.2, 0.1)] * 3, Status.PASS, id="as-before"),
        pytest.param([(0.39, 0.19)] * 3, Status.PASS, id="nearly-twice"),
        pytest.param([(0.4, 0.2)] * 3, Status.WARN, id="twice"),
        pytest.param([(0.8, 0.7)] * 3, Status.FAIL, id="felt"),
        pytest.param([(9.0, 9.0), (9.0, 9.0), (0.2, 0.1)], Status.PASS, id="not-every-time"),
        pytest.param([(9.0, 0.1)] * 3, Status.PASS, id="by-the-clock-of-a-busy-host-only"),
        pytest.param([(0.2, 9.0)] * 3, Status.PASS, id="in-cpu-time-of-more-threads-only"),
        pytest.param([(9.0, 0.3)] * 3, Status.WARN, id="half-a-second-by-the-clock-only"),
    ],
)
def test_only_what_is_slower_in_every_start_and_in_both_ways_is_slower(
    candidate: list[tuple[float, float]], expected: Status
) -> None:
    assert judged(*candidate) is expected


def test_a_baseline_that_takes_no_time_at_all_is_no_division_by_zero() -> None:
    pairs = [Pair(candidate=start(0.1, 0.0), baseline=start(0.1, 0.0))]

    assert starting.judge(pairs).status is Status.PASS


def test_all_times_are_told() -> None:
    pairs = [Pair(candidate=start(0.25, 0.125), baseline=start(0.5, 0.25))] * 2

    assert starting.judge(pairs).observed == (
        "candidate 0.25 s (CPU 0.12 s), 0.25 s (CPU 0.12 s); "
        "baseline 0.50 s (CPU 0.25 s), 0.50 s (CPU 0.25 s)"
    )


def stream(_: str, *, count: int) -> Iterator[Chunk]:
    now = time.perf_counter()
    yield Chunk(at=now + 1.0, tokens=1)
    yield Chunk(at=now + 1.0 + count - 1, tokens=count - 1)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The versions of the engines in the order in which they were started."""
    order: list[str] = []

    @contextmanager
    def launch(
        one: Subject, *__: object, extra: tuple[str, ...], log: Path, **___: object
    ) -> Iterator[object]:
        assert extra == ("-lv", "4")
        order.append(one.facts.version)
        if one.facts.version == "broken":
            raise EngineStartError("died of SIGSEGV")
        file = tmp_path / log.name
        file.write_text(f"load_backend: loaded X{one.facts.version} backend from x\n")
        process = SimpleNamespace(cpu_s=lambda: 0.1)
        yield SimpleNamespace(
            loaded_s=0.1,
            started_s=0.2,
            process=process,
            log=file,
            pid=os.getpid(),
            client=SimpleNamespace(stream=stream),
        )

    monkeypatch.setattr(asking, "launch", launch)
    return order


def test_both_are_started_in_turn_with_a_log_that_says_more(started: list[str]) -> None:
    ours = context(baseline=subject("B", tree="b"), models=("stable",))

    found = starting.pairs(ours, ours.models["stable"])

    assert started == ["2.0", "B"] * 3
    first = found[0].candidate
    assert (first.seconds, first.cpu_s) == (0.2, 0.1)
    assert first.backends == Backends(loaded=frozenset({"X2."}))
    assert found[0].baseline.backends.loaded == {"XB"}
    assert ours.candidate.computes == [pair.candidate.backends for pair in found]
    assert ours.baseline is not None
    assert ours.baseline.computes == [pair.baseline.backends for pair in found]
    assert ours.candidate.starts == [pair.candidate.measured for pair in found]
    assert ours.baseline.starts == [pair.baseline.measured for pair in found]


def test_what_a_runtime_tells_is_measured_beside(started: list[str]) -> None:
    assert not started
    ours = context(baseline=subject("B", tree="b"), models=("stable",))

    found = starting.pairs(ours, ours.models["stable"])[0].candidate.measured

    assert (found.health, found.restarts) == (Grade.OK, 0)
    assert (found.load_s, found.start_s) == (0.1, 0.2)
    assert found.first_token_s == pytest.approx(1.0, abs=0.1)
    assert found.tokens_per_s == pytest.approx(1.0)
    assert found.resident is not None
    assert found.resident > 1 << 20


def test_an_engine_that_cannot_stream_is_measured_without(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not started
    ours = context(baseline=subject("B", tree="b"), models=("stable",))

    def cut(_: str, *, count: int) -> Iterator[Chunk]:
        raise EngineAnswerError(f"no stream of {count} tokens")
        yield

    monkeypatch.setattr("tests.unit.gate.test_starting.stream", cut)
    found = starting.pairs(ours, ours.models["stable"])[0].candidate.measured

    assert (found.first_token_s, found.tokens_per_s) == (None, None)
    assert found.start_s == 0.2


def test_without_a_baseline_the_candidates_backends_are_told_all_the_same(
    started: list[str],
) -> None:
    ours = context(models=("stable",))

    with pytest.raises(NotAskedError, match=r"no baseline that runs; the candidate: backends X2\."):
        starting.pairs(ours, ours.models["stable"])
    assert started == ["2.0"]


def test_a_baseline_that_does_not_start_is_no_fault_of_the_candidate(started: list[str]) -> None:
    ours = context(baseline=subject("broken", tree="b"), models=("stable",))

    with pytest.raises(NotAskedError, match="the baseline: died of SIGSEGV"):
        starting.pairs(ours, ours.models["stable"])
    assert started == ["2.0", "broken"]
