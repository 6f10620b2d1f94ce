"""Real engines whose slots share a cache that is too small for all: none may fail for that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import TYPE_CHECKING, Final

import pytest

from engine_ci.engine import admission, log, supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.adapters.xllamacpp import Xllamacpp
from engine_ci.engine.admission_log import Decision
from engine_ci.errors import EngineAnswerError, EngineRefusedError, UsageError
from tests.engine import tool_loops
from tests.engine.tool_loops import Loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.client import Completion
    from engine_ci.engine.ready_engine import Engine

    Start = Callable[[Settings], AbstractContextManager[Engine]]

pytestmark = pytest.mark.engine

XLLAMACPP: Final = "2026.10.11549"
MODEL: Final = Path(__file__).parents[2] / "fixtures" / "zoo" / "stable.gguf"
SMALL: Final = Settings(context=512, slots=4, shared=True, slot_files=True)
AMPLE: Final = Settings(context=2048, slots=4, shared=True, slot_files=True)
# Any two that are near their end need more than the small cache, all four less than the ample one.
LOOPS: Final = Loops(at_once=4, turns=6, first=100, result=20, count=40)
NO_ROOM: Final = "Context size has been exceeded."


@pytest.fixture(params=["0.1.2", "0.1.3", "xllamacpp"])
def start(
    request: pytest.FixtureRequest,
    mineru: Callable[[str], Path],
    xllamacpp: Callable[[str], Path],
    tmp_path: Path,
) -> Start:
    server: Server = (
        Xllamacpp.in_folder(xllamacpp(XLLAMACPP))
        if request.param == "xllamacpp"
        else LlamaServer.in_folder(mineru(request.param))
    )
    return lambda settings: supervisor.start(
        server, model=MODEL, settings=settings, log=tmp_path / "log"
    )


@pytest.fixture
def small(start: Start) -> Iterator[Engine]:
    with start(SMALL) as engine:
        yield engine


def alone(engine: Engine, prompt: tuple[int, ...]) -> Completion:
    """As an app asks that leaves it to the engine which slot to take."""
    return engine.client.complete(prompt, count=LOOPS.count, cache=True, slot=-1)


def held(engine: Engine) -> list[int]:
    return [slot.held or 0 for slot in engine.client.slots()]


def test_tool_loops_that_overlap_fail_without_admission(small: Engine) -> None:
    told = tool_loops.run(LOOPS, lambda prompt: alone(small, prompt))

    failures = [one.failure for one in told if one.failure]
    assert failures
    assert {(failure.status, failure.said) for failure in failures} == {(500, NO_ROOM)}


def test_none_fails_with_admission(small: Engine) -> None:
    with admission.opened(small.client, budget=SMALL.context) as admitted:
        told = tool_loops.run(LOOPS, lambda prompt: admitted.complete(prompt, count=LOOPS.count))
        found = admitted.snapshot()

    assert [one.failure for one in told] == [None] * LOOPS.at_once
    assert [len(one.answers) for one in told] == [LOOPS.turns] * LOOPS.at_once
    assert found.decisions == {Decision.ADMITTED: LOOPS.at_once * LOOPS.turns}
    assert found.evicted > 0
    # The engine evaluated what it was to evaluate each time, and never purged a slot by itself.
    assert (found.corrected, found.overran) == (0, 0)
    assert found.resident == sum(held(small))
    assert not list(log.matching(small.log, ("failed to find a memory slot", "purging slot")))


def test_with_an_ample_cache_nothing_is_evicted(start: Start) -> None:
    with start(AMPLE) as engine, admission.opened(engine.client, budget=AMPLE.context) as admitted:
        told = tool_loops.run(LOOPS, lambda prompt: admitted.complete(prompt, count=LOOPS.count))
        found = admitted.snapshot()

    assert [len(one.answers) for one in told] == [LOOPS.turns] * LOOPS.at_once
    assert (found.evicted, found.corrected) == (0, 0)
    plans = [record.plan for record in found.records if record.plan]
    assert sum(plan.kept > 0 for plan in plans) == LOOPS.at_once * (LOOPS.turns - 1)


def test_a_prompt_that_nobody_knows_has_room_before_its_only_chunk_decodes(small: Engine) -> None:
    with admission.opened(small.client, budget=SMALL.context) as admitted:
        for first in range(10, 14):
            admitted.complete((1, *[first] * 119), count=8)
        admitted.complete((1, *[99] * 199), count=8)
        found = admitted.snapshot()

    plan = found.records[-1].plan
    assert plan is not None
    # The oldest is overwritten, the next oldest erased.
    assert (plan.slot, plan.kept, plan.evicted) == (0, 1, (1,))
    assert not list(log.matching(small.log, ("failed to find a memory slot",)))


def test_the_whole_cache_can_be_had_alone_or_by_two(small: Engine) -> None:
    half = SMALL.context // 2
    with admission.opened(small.client, budget=SMALL.context) as admitted:
        for first in range(10, 14):
            admitted.complete((1, *[first] * 99), count=8)
        alone = admitted.complete((1, *[99] * 411), count=100)
        with ThreadPoolExecutor(2) as pool:
            prompts = [(1, *[first] * 99) for first in (20, 30)]
            both = list(pool.map(lambda one: admitted.complete(one, count=half - 100), prompts))

    assert len(alone.tokens) == 100
    assert [len(one.tokens) for one in both] == [half - 100] * 2


def test_an_engine_without_a_folder_for_slots_is_refused_at_once(start: Start) -> None:
    with start(Settings(context=512, slots=4, shared=True)) as engine:
        opening = admission.opened(engine.client, budget=512)
        with pytest.raises(EngineRefusedError, match="slot") as caught:
            opening.__enter__()

    assert caught.value.status == 501


def test_an_engine_that_gives_each_slot_a_part_is_refused_at_once(start: Start) -> None:
    with start(Settings(context=1024, slots=4, slot_files=True)) as engine:
        opening = admission.opened(engine.client, budget=1024)
        with pytest.raises(UsageError, match=r"expected slots .* all 1024 .* found 256"):
            opening.__enter__()


def test_what_others_did_to_the_cache_is_noticed(small: Engine) -> None:
    with admission.opened(small.client, budget=SMALL.context) as admitted:
        admitted.complete((1, *[10] * 99), count=8)
        small.client.complete((1, *[20] * 199), count=8, cache=True, slot=0)
        small.client.complete((1, *[30] * 49), count=8, cache=True, slot=3)
        assert admitted.snapshot().resident == 107

        again = admitted.complete((1, *[10] * 99), count=8)
        found = admitted.snapshot()

    assert again.evaluated == 99
    assert found.corrected == 1
    assert found.resident == sum(held(small)) == 107 + 57


def test_who_takes_more_than_was_reserved_costs_nobody_an_answer_afterwards(small: Engine) -> None:
    prompt = (1, *[10] * 99)
    with admission.opened(small.client, budget=SMALL.context) as admitted:
        with admitted.admitted(prompt, count=8) as grant:
            long = small.client.complete(prompt, count=300, cache=True, slot=grant.slot)
            grant.answered(long.tokens)
        assert admitted.snapshot().overran == 1
        admitted.complete((1, *[20] * 149), count=8)

        assert admitted.snapshot().evicted == 1


def test_who_leaves_in_the_middle_gives_back_what_was_reserved(small: Engine) -> None:
    prompt = (1, *[10] * 99)
    with admission.opened(small.client, budget=SMALL.context) as admitted:
        with admitted.admitted(prompt, count=400):
            stream = small.client.stream(prompt, count=400)
            next(stream)
            stream.close()
        found = admitted.complete((1, *[20] * 299), count=200)

    assert len(found.tokens) == 200


def test_those_who_wait_learn_soon_that_the_engine_is_dead(small: Engine) -> None:
    decoding, begin = Event(), Barrier(4)
    with admission.opened(small.client, budget=SMALL.context) as admitted:

        def ask(number: int) -> Completion:
            begin.wait()
            with admitted.admitted((1, *[number] * 99), count=400) as grant:
                decoding.set()
                return small.client.complete(
                    (1, *[number] * 99), count=400, cache=True, slot=grant.slot
                )

        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask, number) for number in range(10, 14)]
            assert decoding.wait(10)
            small.process.stop(grace_s=0.0)
            problems = [one.exception(10) for one in asked]

        assert sum(isinstance(problem, EngineAnswerError) for problem in problems) >= 3
        assert (admitted.snapshot().waiting, admitted.snapshot().reserved) == (0, 0)
