from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count as numbers
from typing import TYPE_CHECKING, Literal

import pytest

from engine_ci.engine import admission
from engine_ci.engine.admission_log import Decision
from engine_ci.engine.answers import SlotState
from engine_ci.engine.client import Client, Completion
from engine_ci.errors import (
    EngineAnswerError,
    EngineDiedError,
    EngineRefusedError,
    NeverFitsError,
    NotAdmittedError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.admission import Admission

    Opened = Callable[..., Admission]

BUDGET, SLOTS = 100, 4
# What should come at once does not hold a test up for ever.
SOON_S = 10.0
NO_ROOM = EngineRefusedError("no room", status=500, kind="server_error", said="no room")


class Pretended(Client):
    """An engine as good as its cells: those of an answer are taken at once, and all fail together.

    `before` happens at the beginning of a completion.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self.cells: list[tuple[int, ...]] = [(0,)] * SLOTS
        self.calls: list[str] = []
        self.before: Callable[[], object] = lambda: None
        self.refused: dict[int, EngineAnswerError] = {}
        self.silent = False
        self._own = threading.Lock()

    def slots(self) -> tuple[SlotState, ...]:
        self.calls.append("slots")
        if self.silent:
            raise EngineAnswerError("no answer")
        return tuple(
            SlotState(id=n, n_ctx=BUDGET, is_processing=False, id_task=0, n_prompt_tokens=len(held))
            for n, held in enumerate(self.cells)
        )

    def slot(
        self, action: Literal["save", "restore", "erase"], *, slot: int, file: str = ""
    ) -> None:
        self.calls.append(f"{action}{file} {slot}")
        if slot in self.refused:
            raise self.refused[slot]
        self.cells[slot] = ()

    def complete(
        self, prompt: Sequence[int] | str, *, count: int, slot: int = 0, **wanted: object
    ) -> Completion:
        assert wanted["cache"]
        assert not isinstance(prompt, str)
        self.calls.append(f"complete {slot}")
        self.before()
        with self._own:
            kept = 0
            while kept < len(prompt) - 1 and prompt[: kept + 1] == self.cells[slot][: kept + 1]:
                kept += 1
            answer = tuple(range(count))
            self.cells[slot] = (*prompt, *answer[:-1])
            if sum(map(len, self.cells)) > BUDGET:
                self.cells = [()] * SLOTS
                raise NO_ROOM
        return Completion(
            tokens=answer, text="", stop="limit", steps=(), evaluated=len(prompt) - kept
        )


@pytest.fixture
def engine() -> Pretended:
    return Pretended()


@pytest.fixture
def opened(engine: Pretended) -> Iterator[Admission]:
    with admission.opened(engine, budget=BUDGET, clock=map(float, numbers()).__next__) as made:
        engine.calls.clear()
        yield made


def tokens(count: int, *, text: int = 1) -> tuple[int, ...]:
    return tuple(1000 * text + index for index in range(count))


def await_line(opened: Admission, *, waiting: int) -> None:
    """Until so many wait, which they do within a moment."""
    pause = threading.Event()
    for _ in range(5000):
        if opened.snapshot().waiting == waiting:
            return
        pause.wait(0.001)
    pytest.fail(f"{opened.snapshot().waiting} wait")


def test_it_begins_with_an_empty_cache(engine: Pretended) -> None:
    with admission.opened(engine, budget=BUDGET) as opened:
        assert engine.calls == ["slots", "erase 0", "erase 1", "erase 2", "erase 3"]
        found = opened.snapshot()

    assert (found.budget, found.reserved, found.resident, found.waiting) == (BUDGET, 0, 0, 0)


@pytest.mark.parametrize(("sizes", "smallest"), [([BUDGET, 99, BUDGET], 99), ([], 0)])
def test_slots_that_cannot_have_the_whole_cache_are_no_slots_that_share_it(
    engine: Pretended, monkeypatch: pytest.MonkeyPatch, sizes: list[int], smallest: int
) -> None:
    states = [SlotState(id=n, n_ctx=size, is_processing=False) for n, size in enumerate(sizes)]
    monkeypatch.setattr(engine, "slots", lambda: tuple(states))
    opening = admission.opened(engine, budget=BUDGET)

    with pytest.raises(UsageError, match=f"can take all 100 tokens .* found {smallest}") as caught:
        opening.__enter__()

    assert caught.value.hint is not None
    assert "--kv-unified" in caught.value.hint


def test_an_engine_that_does_not_erase_is_noticed_at_once(engine: Pretended) -> None:
    engine.refused[0] = EngineRefusedError("not supported", status=501)
    opening = admission.opened(engine, budget=BUDGET)

    with pytest.raises(EngineRefusedError, match="not supported"):
        opening.__enter__()


def test_a_conversation_goes_on_where_it_was(engine: Pretended, opened: Admission) -> None:
    first = opened.complete(tokens(20), count=5)
    second = opened.complete((*tokens(20), *first.tokens, 7, 8), count=5)

    assert (first.evaluated, second.evaluated) == (20, 3)
    assert engine.calls == ["complete 0", "complete 0"]
    one, other = opened.snapshot().records
    assert one.plan is not None
    assert other.plan is not None
    assert (one.plan.kept, other.plan.kept) == (0, 24)
    assert opened.snapshot().resident == 31


def test_what_has_to_go_is_erased_before_a_prompt_that_nobody_knows_decodes(
    engine: Pretended, opened: Admission
) -> None:
    for text in range(SLOTS):
        opened.complete(tokens(20, text=text), count=5)
    engine.calls.clear()

    opened.complete(tokens(24, text=9), count=5)

    # What slot 0 holds is overwritten, and that is not enough.
    assert engine.calls == ["erase 1", "complete 0"]
    assert opened.snapshot().evicted == 1
    assert opened.snapshot().evicted_tokens == 24


def test_what_fits_evicts_nothing(engine: Pretended, opened: Admission) -> None:
    for text in (1, 2, 1, 2, 3):
        opened.complete(tokens(20, text=text), count=5)

    assert {call.split()[0] for call in engine.calls} == {"complete"}
    assert opened.snapshot().evicted == 0


def test_who_does_not_fit_waits_and_nobody_overtakes(opened: Admission) -> None:
    order: list[str] = []

    def ask(name: str, prompt: int) -> None:
        with opened.admitted(tokens(prompt, text=2), count=10, timeout_s=SOON_S):
            order.append(name)

    with ThreadPoolExecutor(3) as pool, ExitStack() as stack:
        stack.enter_context(opened.admitted(tokens(40), count=10))
        large = pool.submit(ask, "large", 60)
        await_line(opened, waiting=1)
        small = pool.submit(ask, "small", 5)
        await_line(opened, waiting=2)
        assert order == []
        assert opened.snapshot().reserved == 50
        stack.close()
        large.result(5)
        small.result(5)

    assert order == ["large", "small"]
    assert opened.snapshot().decisions == {Decision.ADMITTED: 3}


def test_waiting_is_counted_in_seconds(opened: Admission) -> None:
    # The clock of this admission goes on by a second each time somebody looks at it.
    opened.complete(tokens(5), count=5)
    opened.complete(tokens(5), count=5)
    found = opened.snapshot()

    assert [(record.at, record.waited_s) for record in found.records] == [(1.0, 1.0), (3.0, 1.0)]
    assert (found.waited_s, found.longest_s) == (2.0, 1.0)


def test_who_waited_long_enough_leaves_the_line(opened: Admission) -> None:
    with (
        opened.admitted(tokens(80), count=10),
        pytest.raises(NotAdmittedError, match=r"no room for 30 tokens .* 100, within 0\.01 s"),
        opened.admitted(tokens(20, text=2), count=10, timeout_s=0.01),
    ):
        pytest.fail("it was admitted")

    assert opened.snapshot().waiting == 0
    assert opened.snapshot().decisions[Decision.GAVE_UP] == 1
    opened.complete(tokens(20, text=2), count=10)


def test_who_gives_up_lets_those_behind_go_on(opened: Admission) -> None:
    def ask_for_much() -> None:
        with opened.admitted(tokens(80), count=10, timeout_s=0.1):
            pytest.fail("it was admitted")

    with ThreadPoolExecutor(2) as pool, opened.admitted(tokens(40), count=10):
        large = pool.submit(ask_for_much)
        await_line(opened, waiting=1)
        small = pool.submit(opened.complete, tokens(5, text=3), count=5, timeout_s=SOON_S)

        assert isinstance(large.exception(5), NotAdmittedError)
        assert len(small.result(5).tokens) == 5


def test_what_can_never_fit_is_refused_at_once(opened: Admission) -> None:
    with (
        opened.admitted(tokens(50), count=50),
        pytest.raises(NeverFitsError, match=r"expected 1 to 100 tokens .* found 101"),
    ):
        opened.complete(tokens(50), count=51)

    assert opened.snapshot().decisions[Decision.NEVER_FITS] == 1
    assert opened.snapshot().waiting == 0


def test_those_who_wait_are_sent_away_at_the_end(engine: Pretended) -> None:
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        opened = stack.enter_context(admission.opened(engine, budget=BUDGET))
        grant = opened.admitted(tokens(80), count=10)
        grant.__enter__()
        waiting = pool.submit(opened.complete, tokens(20), count=10, timeout_s=SOON_S)
        await_line(opened, waiting=1)
        stack.close()

        with pytest.raises(NotAdmittedError, match="no more requests are let through"):
            waiting.result(5)
        with pytest.raises(NotAdmittedError, match="no more requests are let through"):
            opened.complete(tokens(1), count=1)
        grant.__exit__(None, None, None)

    found = opened.snapshot()
    assert found.decisions == {Decision.ADMITTED: 1, Decision.CLOSED: 2}
    assert (found.reserved, found.waiting) == (0, 0)


@pytest.mark.parametrize("problem", [EngineAnswerError("cut"), KeyboardInterrupt(), ValueError()])
def test_whatever_ends_a_request_gives_back_what_was_reserved(
    opened: Admission, problem: BaseException
) -> None:
    with pytest.raises(type(problem)), opened.admitted(tokens(60), count=20):
        raise problem

    found = opened.snapshot()
    # Nobody knows how far it came.
    assert (found.reserved, found.resident) == (0, 80)
    opened.complete(tokens(60, text=2), count=20)


def test_an_engine_that_refuses_is_asked_what_it_holds(
    engine: Pretended, opened: Admission
) -> None:
    for text in range(SLOTS):
        opened.complete(tokens(10, text=text), count=5)
    # Somebody else fills it: the engine fails, and forgets everything.
    engine.cells[3] = tokens(80, text=8)

    with pytest.raises(EngineRefusedError, match="no room"):
        opened.complete(tokens(20, text=9), count=5)

    found = opened.snapshot()
    assert engine.calls[-1] == "slots"
    assert (found.resident, found.reserved) == (0, 0)
    assert found.corrected == SLOTS


def test_an_engine_that_refuses_and_then_says_nothing_has_refused(
    engine: Pretended, opened: Admission
) -> None:
    engine.before = lambda: engine.cells.__setitem__(3, tokens(BUDGET))
    engine.silent = True

    with pytest.raises(EngineRefusedError, match="no room"):
        opened.complete(tokens(20), count=5)

    assert opened.snapshot().resident == 25


def test_an_engine_that_has_lost_a_prefix_is_asked_what_else_it_lost(
    engine: Pretended, opened: Admission
) -> None:
    for text in (1, 2):
        opened.complete(tokens(20, text=text), count=5)
    engine.cells = [(), (), (), tokens(7)]
    engine.calls.clear()

    opened.complete(tokens(20), count=5)

    assert engine.calls == ["complete 0", "slots"]
    found = opened.snapshot()
    assert (found.corrected, found.resident) == (2, 24 + 7)


def test_a_build_that_does_not_say_what_it_evaluated_is_not_asked(
    engine: Pretended, opened: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Completion(tokens=(1, 2), text="", stop="limit", steps=())
    monkeypatch.setattr(engine, "complete", lambda *_, **__: silent)

    assert opened.complete(tokens(20), count=2) is silent
    assert engine.calls == []


@pytest.mark.parametrize(("is_processing", "count"), [(True, 3), (False, None)])
def test_a_slot_that_works_or_does_not_say_what_it_holds_is_left_as_it_is(
    engine: Pretended,
    opened: Admission,
    monkeypatch: pytest.MonkeyPatch,
    count: int | None,
    *,
    is_processing: bool,
) -> None:
    opened.complete(tokens(20), count=5)
    state = SlotState(id=0, is_processing=is_processing, id_task=0, n_prompt_tokens=count)
    monkeypatch.setattr(engine, "slots", lambda: (state,))

    opened.reconcile()

    assert opened.snapshot().resident == 24


def test_what_cannot_be_erased_fails_its_request_and_nobody_else(
    engine: Pretended, opened: Admission
) -> None:
    for text in range(SLOTS):
        opened.complete(tokens(20, text=text), count=5)
    engine.refused[2] = EngineRefusedError("cannot erase", status=500)

    with pytest.raises(EngineRefusedError, match="cannot erase"):
        opened.complete(tokens(40, text=9), count=30)

    found = opened.snapshot()
    assert (found.waiting, found.reserved, found.resident) == (0, 0, 3 * 24)
    assert found.corrected == 0
    assert found.decisions[Decision.NOT_ERASED] == 1
    assert found.evicted == 0
    plan = found.records[-1].plan
    assert plan is not None
    assert (plan.evicted, plan.evicted_tokens) == ((1, 2), 48)
    opened.complete(tokens(20, text=9), count=5)


def test_who_takes_more_than_was_reserved_is_counted_and_made_up_for(
    engine: Pretended, opened: Admission
) -> None:
    with opened.admitted(tokens(60), count=5) as grant:
        grant.answered(tokens(60))
    assert opened.snapshot().overran == 1
    assert opened.snapshot().resident == 119

    opened.complete(tokens(5, text=2), count=5)

    assert "erase 0" in engine.calls
    assert opened.snapshot().resident == 9


def test_an_engine_that_dies_takes_all_with_it_and_nobody_waits_for_ever(
    engine: Pretended, opened: Admission
) -> None:
    dead = EngineDiedError("the engine ended")
    waiting = threading.Event()

    def die() -> None:
        assert waiting.wait(5)
        raise dead

    engine.before = die
    with ThreadPoolExecutor(6) as pool:
        asked = [
            pool.submit(opened.complete, tokens(50, text=n), count=20, timeout_s=SOON_S)
            for n in range(6)
        ]
        await_line(opened, waiting=5)
        engine.refused = dict.fromkeys(range(SLOTS), dead)
        waiting.set()

        assert {type(one.exception(5)) for one in asked} == {EngineDiedError}
    assert (opened.snapshot().reserved, opened.snapshot().waiting) == (0, 0)


def test_conversations_that_grow_together_never_meet_a_full_cache(
    engine: Pretended, opened: Admission
) -> None:
    def talk(text: int) -> int:
        prompt = tokens(10, text=text)
        for turn in range(5):
            answer = opened.complete(prompt, count=6, timeout_s=SOON_S).tokens
            prompt = (*prompt, *answer, *tokens(3, text=100 + turn))
        return len(prompt)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(talk, range(8))) == [55] * 8

    found = opened.snapshot()
    assert found.decisions == {Decision.ADMITTED: 40}
    assert (found.corrected, found.overran, found.waiting) == (0, 0, 0)
    assert found.resident == sum(map(len, engine.cells))


def test_what_is_remembered_is_bounded_and_has_nothing_of_a_prompt(opened: Admission) -> None:
    for _ in range(300):
        opened.complete((31337, 31338, 31339), count=2)
    found = opened.snapshot()

    assert (len(found.records), found.decisions[Decision.ADMITTED]) == (256, 300)
    assert "3133" not in str(found)
