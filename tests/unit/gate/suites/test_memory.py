from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.usage import Memory
from engine_ci.errors import EngineStartError
from engine_ci.gate import asking
from engine_ci.gate.memory import Growth
from engine_ci.gate.suites import memory
from engine_ci.records.gate import FaultClass, Status
from tests.unit.gate.contexts import context, subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.gate.context import Subject

SOUND = Growth(rounds=((1 << 20,) * 40,), after=Memory(own=1 << 20, resident=1 << 20, peak=1 << 20))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Version and additional option of each engine that was started; all of them sound."""
    order: list[tuple[str, tuple[str, ...]]] = []

    @contextmanager
    def launch(one: Subject, *__: object, extra: tuple[str, ...], **___: object) -> Iterator[None]:
        order.append((one.facts.version, extra))
        if one.facts.version == "broken":
            raise EngineStartError("died of SIGSEGV")
        yield

    monkeypatch.setattr(asking, "launch", launch)
    monkeypatch.setattr(memory, "grow", lambda _, __: SOUND)
    return order


def test_growth_is_asked_without_a_cache_and_with_a_small_one_which_the_baseline_has_too(
    started: list[tuple[str, tuple[str, ...]]],
) -> None:
    checks = list(memory.run(context(baseline=subject("B", tree="b"), models=("sensitive",))))

    assert [(check.id, check.status) for check in checks] == [
        ("memory/growth", Status.PASS),
        ("memory/growth-app", Status.PASS),
        ("memory/peak", Status.PASS),
    ]
    assert {check.fault_class for check in checks} == {FaultClass.MEMORY}
    without, small = ("--cache-ram", "0"), ("--cache-ram", "1")
    assert started == [("2.0", without), ("2.0", small), ("B", small)]


@pytest.mark.parametrize(
    ("baseline", "reason"),
    [
        (None, "not asked: there is no baseline that runs"),
        (subject("broken", tree="b"), "not asked: the baseline: died of SIGSEGV"),
    ],
    ids=["none", "broken"],
)
@pytest.mark.usefixtures("started")
def test_without_a_baseline_that_runs_the_peak_is_not_compared(
    baseline: Subject | None, reason: str
) -> None:
    *growth, peak = memory.run(context(baseline=baseline, models=("sensitive",)))

    assert {check.status for check in growth} == {Status.PASS}
    assert (peak.status, peak.observed) == (Status.SKIP, reason)


def test_without_a_sensitive_model_nothing_is_asked() -> None:
    assert list(memory.run(context(models=("stable",)))) == []
