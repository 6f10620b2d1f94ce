from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.backends import Backends
from engine_ci.errors import EngineStartError
from engine_ci.gate import asking, starting
from engine_ci.gate.asking import NotAskedError
from engine_ci.gate.starting import Pair, Start
from engine_ci.records.gate import Status
from tests.unit.gate.contexts import context, subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.gate.context import Subject


def start(seconds: float, cpu_s: float) -> Start:
    return Start(seconds=seconds, cpu_s=cpu_s, backends=Backends())


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
        yield SimpleNamespace(started_s=0.2, process=process, log=file)

    monkeypatch.setattr(asking, "launch", launch)
    return order


def test_both_are_started_in_turn_with_a_log_that_says_more(started: list[str]) -> None:
    ours = context(baseline=subject("B", tree="b"), models=("stable",))

    found = starting.pairs(ours, ours.models["stable"])

    assert started == ["2.0", "B"] * 3
    assert found[0].candidate == Start(
        seconds=0.2, cpu_s=0.1, backends=Backends(loaded=frozenset({"X2."}))
    )
    assert found[0].baseline.backends.loaded == {"XB"}
    assert ours.candidate.computes == [pair.candidate.backends for pair in found]
    assert ours.baseline is not None
    assert ours.baseline.computes == [pair.baseline.backends for pair in found]


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
