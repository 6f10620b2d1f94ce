from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine_ci.engine import kv
from engine_ci.engine.kv import UNKNOWN, Cache, Plan, Request, Slot

if TYPE_CHECKING:
    from collections.abc import Sequence


def tokens(count: int, *, text: int = 1) -> tuple[int, ...]:
    return tuple(1000 * text + index for index in range(count))


def asked(prompt: Sequence[int], *, count: int = 10, number: int = 0) -> Request:
    return Request(number=number, at=0.0, prompt=tuple(prompt), count=count)


def cache(*slots: Slot, budget: int = 100) -> Cache:
    return Cache(
        budget=budget,
        slots=tuple(replace(slot, number=number) for number, slot in enumerate(slots)),
    )


def idle(count: int, *, text: int = 1, used: int = 1) -> Slot:
    return Slot(number=0, resident=tokens(count, text=text), used=used)


def busy(reserved: int) -> Slot:
    return Slot(number=0, reserved=reserved, used=1)


NEW = Slot(number=0)


def planned(known: Cache, request: Request) -> Plan | None:
    return kv.plan(kv.joined(known, request), request)


def evicted(known: Cache, request: Request) -> tuple[int, ...]:
    plan = planned(known, request)
    assert plan is not None
    return plan.evicted


def test_a_request_decodes_where_the_most_of_its_prompt_is() -> None:
    known = cache(NEW, idle(10), idle(20), idle(15))

    assert planned(known, asked(tokens(30))) == Plan(slot=2, kept=20, evicted=(), evicted_tokens=0)


def test_a_prompt_that_is_there_already_is_kept_but_for_its_last_token() -> None:
    plan = planned(cache(NEW, idle(20)), asked(tokens(20)))

    assert plan is not None
    assert (plan.slot, plan.kept) == (1, 19)


def test_a_prefix_of_which_more_would_be_lost_than_used_is_left_alone() -> None:
    begins_alike = asked((*tokens(8), 1, 2))
    empty, other = cache(idle(20), NEW), cache(idle(20), idle(9))

    assert planned(empty, begins_alike) == Plan(slot=1, kept=0, evicted=(), evicted_tokens=0)
    assert planned(other, begins_alike) == Plan(slot=1, kept=8, evicted=(), evicted_tokens=0)


def test_what_continues_nothing_takes_an_empty_slot_or_else_the_least_recently_used() -> None:
    new = asked(tokens(5, text=9))
    used = [idle(5, text=2, used=4), idle(5, text=3, used=2), idle(5, text=4, used=3)]

    taken = planned(cache(*used), new)
    empty = planned(cache(*used, NEW), new)

    assert taken is not None
    assert empty is not None
    assert (taken.slot, empty.slot) == (1, 3)


def test_what_fits_evicts_nothing() -> None:
    assert evicted(cache(idle(50), NEW), asked(tokens(40, text=2), count=10)) == ()


def test_the_least_recently_used_go_first_and_no_more_than_have_to() -> None:
    known = cache(
        idle(20, text=2, used=3), idle(20, text=3, used=1), idle(20, text=4, used=2), busy(30), NEW
    )

    assert evicted(known, asked(tokens(5, text=9), count=5)) == ()
    assert evicted(known, asked(tokens(20, text=9), count=10)) == (1,)
    assert evicted(known, asked(tokens(20, text=9), count=11)) == (1, 2)
    assert evicted(known, asked(tokens(20, text=9), count=50)) == (1, 2, 0)


def test_the_prefix_that_serves_goes_last_although_it_is_the_least_recently_used() -> None:
    known = cache(idle(60, used=1), idle(30, text=2, used=2))

    for length, count in ((65, 10), (40, 5)):
        assert planned(replace(known, budget=85), asked(tokens(length), count=count)) == Plan(
            slot=0, kept=min(length - 1, 60), evicted=(1,), evicted_tokens=30
        )


def test_a_prefix_longer_than_all_that_is_needed_goes_where_nothing_else_makes_room() -> None:
    known = cache(idle(60), busy(50), budget=110)
    crowded = replace(known, budget=100)

    assert planned(known, asked(tokens(40), count=5)) == Plan(
        slot=0, kept=39, evicted=(), evicted_tokens=0
    )
    assert planned(crowded, asked(tokens(40), count=5)) == Plan(
        slot=0, kept=0, evicted=(0,), evicted_tokens=60
    )


def test_what_decodes_is_never_evicted_and_is_waited_for() -> None:
    known = cache(busy(60), idle(30, text=2), NEW)

    assert evicted(known, asked(tokens(30), count=10)) == (1,)
    assert planned(known, asked(tokens(31), count=10)) is None


def test_a_slot_is_waited_for_though_there_is_room() -> None:
    assert planned(cache(busy(10), busy(10)), asked(tokens(5))) is None


def test_nobody_is_overtaken() -> None:
    large, small = asked(tokens(80), number=1), asked(tokens(1), number=2)
    known = kv.joined(kv.joined(cache(busy(50), NEW), large), small)

    assert kv.plan(known, large) is None
    assert kv.plan(known, small) is None
    assert kv.plan(kv.left(known, large), small) is not None


@pytest.mark.parametrize(
    ("prompt", "count", "fits"),
    [(90, 10, True), (90, 11, False), (0, 1, True), (0, 0, False)],
)
def test_what_fits_an_empty_cache_fits_some_time(prompt: int, count: int, *, fits: bool) -> None:
    known = cache(busy(100), idle(50))

    assert kv.fits(known, asked(tokens(prompt), count=count)) is fits


def test_a_reservation_holds_what_was_there_until_its_end() -> None:
    request = asked(tokens(30), count=10)
    plan = Plan(slot=0, kept=30, evicted=(), evicted_tokens=0)
    begun = kv.granted(cache(idle(60), NEW), request, plan)

    assert (begun.slots[0].held, begun.held) == (60, 60)
    assert kv.erased(begun, 0).held == 40
    assert kv.released(begun, 0, tokens(35)).slots[0] == replace(idle(35), used=2)


def test_a_slot_is_used_until_it_is_given_back() -> None:
    known = cache(busy(20), busy(20), idle(20, text=3, used=1))
    known = kv.released(kv.released(known, 1, tokens(20, text=4)), 0, tokens(20, text=5))

    assert evicted(replace(known, budget=70), asked(tokens(30, text=9))) == (1,)
    assert evicted(replace(known, budget=50), asked(tokens(30, text=9))) == (1, 0)


def test_what_nobody_tells_is_taken_for_the_most_that_can_be_there() -> None:
    request = asked(tokens(30), count=10)
    plan = Plan(slot=0, kept=0, evicted=(), evicted_tokens=0)
    known = kv.released(kv.granted(cache(NEW), request, plan), 0, None)

    assert known.slots[0].resident == (UNKNOWN,) * 40
    again = planned(known, request)
    assert again is not None
    assert again.kept == 0


def test_the_engine_is_believed_where_it_counts_otherwise() -> None:
    known = cache(idle(20), idle(20, text=2), busy(30), idle(20, text=3))
    now = kv.corrected(known, {0: 20, 1: 7, 2: 3}, since=known)

    assert [len(slot.resident) for slot in now.slots] == [20, 7, 0, 20]
    assert now.slots[0].resident == tokens(20)
    assert now.slots[1].resident == (UNKNOWN,) * 7
    assert now.held == 77
    assert kv.changed(known, now) == 1


def test_what_changed_since_the_engine_was_asked_is_left_as_it_is() -> None:
    since = cache(idle(20), idle(20, text=2))
    meanwhile = kv.released(since, 0, tokens(30))

    now = kv.corrected(meanwhile, {0: 5, 1: 5}, since=since)

    assert [len(slot.resident) for slot in now.slots] == [30, 5]


BUDGET, SLOTS = 24, 3


@dataclass(kw_only=True)
class Decoding:
    """A request in a slot of the pretended engine."""

    request: Request
    answer: tuple[int, ...] = ()
    begun: bool = False


class Engine(RuleBasedStateMachine):
    """Requests, in any order that is possible, on an engine that has only so many cells.

    Nothing here makes room but what the plans say.
    """

    @initialize()
    def start(self) -> None:
        self.known = kv.empty(budget=BUDGET, slots=SLOTS)
        self.cells: dict[int, tuple[int, ...]] = dict.fromkeys(range(SLOTS), ())
        self.decoding: dict[int, Decoding] = {}
        self.texts: list[tuple[int, ...]] = [(1,)]
        self.came = 0
        self.admitted: list[int] = []

    @rule(
        text=strategies.integers(0, 100),
        cut=strategies.sampled_from([0, 0, 1, 4, 8, 20]),
        new=strategies.lists(strategies.integers(1, 3), min_size=1, max_size=8),
        count=strategies.integers(1, 8),
    )
    def come(self, text: int, cut: int, new: list[int], count: int) -> None:
        earlier = self.texts[text % len(self.texts)]
        prompt = (*earlier[: len(earlier) - cut], *new)
        request = Request(number=self.came, at=0.0, prompt=prompt, count=count)
        if kv.fits(self.known, request):
            self.came += 1
            self.known = kv.joined(self.known, request)
            self.turn()

    @precondition(lambda self: self.known.line)
    @rule(which=strategies.integers(0, 100))
    def give_up(self, which: int) -> None:
        line = self.known.line
        self.known = kv.left(self.known, line[which % len(line)])

    @precondition(lambda self: self.known.line)
    @rule()
    def turn(self) -> None:
        request, *later = self.known.line
        assert [kv.plan(self.known, other) for other in later] == [None] * len(later)
        plan = kv.plan(self.known, request)
        if plan is None:
            assert self.decoding, "somebody waits for nobody"
            return
        self.check(plan, request)
        before, self.known = self.known, kv.granted(self.known, request, plan)
        for number in plan.evicted:
            assert not before.slots[number].reserved
            self.cells[number] = ()
            self.known = kv.erased(self.known, number)
        self.known = kv.left(self.known, request)
        self.decoding[plan.slot] = Decoding(request=request)
        self.admitted.append(request.number)

    def check(self, plan: Plan, request: Request) -> None:
        """The plan is bounded, no larger than it has to be, and in order."""
        slots = self.known.slots
        assert len(set(plan.evicted)) == len(plan.evicted) <= SLOTS
        others = [slots[number].used for number in plan.evicted if number != plan.slot]
        assert others == sorted(others)
        own = slots[plan.slot].held
        more = max(own, request.most) - own
        short = self.known.held + more - BUDGET
        if short <= 0:
            assert plan.evicted == ()
        else:
            *all_but_last, _ = plan.evicted
            assert sum(self.gain(number, plan, request) for number in all_but_last) < short

    def gain(self, number: int, plan: Plan, request: Request) -> int:
        held = len(self.known.slots[number].resident)
        return held if number != plan.slot else held - request.most

    @precondition(lambda self: self.decoding)
    @rule(which=strategies.integers(0, 100), steps=strategies.integers(0, 8))
    def decode(self, which: int, steps: int) -> None:
        slot = sorted(self.decoding)[which % len(self.decoding)]
        found = self.decoding[slot]
        if not found.begun:
            found.begun, self.cells[slot] = True, found.request.prompt
        for _ in range(min(steps, found.request.count - len(found.answer))):
            found.answer += (1 + len(found.answer) % 3,)
            self.cells[slot] = found.request.prompt + found.answer[:-1]

    @precondition(lambda self: self.decoding)
    @rule(which=strategies.integers(0, 100))
    def end(self, which: int) -> None:
        slot = sorted(self.decoding)[which % len(self.decoding)]
        found = self.decoding.pop(slot)
        told = found.begun and found.answer
        self.known = kv.released(self.known, slot, self.cells[slot] if told else None)
        if told:
            self.texts.append(found.request.prompt + found.answer)

    @rule(slot=strategies.integers(0, SLOTS - 1))
    def lose(self, slot: int) -> None:
        """The engine drops an idle slot by itself, and does not say so."""
        if slot not in self.decoding:
            self.cells[slot] = ()

    @rule()
    def ask(self) -> None:
        counts = {n: len(held) for n, held in self.cells.items() if n not in self.decoding}
        self.known = kv.corrected(self.known, counts, since=self.known)

    @invariant()
    def nobody_meets_a_full_cache(self) -> None:
        assert sum(map(len, self.cells.values())) <= BUDGET

    @invariant()
    def all_who_were_admitted_can_end_in_any_order(self) -> None:
        most = {slot: found.request.most for slot, found in self.decoding.items()}
        assert sum(max(len(held), most.get(n, 0)) for n, held in self.cells.items()) <= BUDGET

    @invariant()
    def no_more_is_promised_than_there_is(self) -> None:
        assert self.known.held <= BUDGET
        for number, held in self.cells.items():
            assert len(held) <= self.known.slots[number].held

    @invariant()
    def the_order_is_kept(self) -> None:
        assert self.admitted == sorted(self.admitted)

    def teardown(self) -> None:
        """All who still wait are admitted when those before them end."""
        for _ in range(len(self.known.line) * (SLOTS + 1)):
            if self.decoding:
                self.end(0)
            if self.known.line:
                self.turn()
        assert not self.known.line


TestEngine = Engine.TestCase
TestEngine.settings = settings(max_examples=60, stateful_step_count=50)
