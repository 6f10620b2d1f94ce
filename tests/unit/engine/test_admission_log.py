from __future__ import annotations

from engine_ci.engine import kv
from engine_ci.engine.admission_log import RECORDS, Decision, Record, Tally
from engine_ci.engine.kv import Cache, Plan, Slot

PLAN = Plan(slot=1, kept=5, evicted=(0, 2), evicted_tokens=70)


def record(decision: Decision, *, waited_s: float = 0.0, plan: Plan | None = None) -> Record:
    return Record(at=1.0, waited_s=waited_s, decision=decision, prompt=10, count=5, plan=plan)


def test_decisions_and_waits_are_added_up() -> None:
    tally = Tally()
    tally.add(record(Decision.ADMITTED, waited_s=0.5, plan=PLAN))
    tally.add(record(Decision.ADMITTED, waited_s=0.25, plan=PLAN))
    tally.add(record(Decision.GAVE_UP, waited_s=2.0))
    found = tally.snapshot(kv.empty(budget=10, slots=1))

    assert found.decisions == {Decision.ADMITTED: 2, Decision.GAVE_UP: 1}
    assert (found.waited_s, found.longest_s) == (2.75, 2.0)
    assert (found.evicted, found.evicted_tokens) == (4, 140)


def test_what_was_planned_and_not_done_is_no_eviction() -> None:
    tally = Tally()
    tally.add(record(Decision.NOT_ERASED, plan=PLAN))
    found = tally.snapshot(kv.empty(budget=10, slots=1))

    assert (found.evicted, found.evicted_tokens) == (0, 0)
    assert found.records[0].plan == PLAN


def test_only_the_latest_are_remembered_one_by_one() -> None:
    tally = Tally()
    for number in range(RECORDS + 10):
        tally.add(record(Decision.ADMITTED, waited_s=number))
    found = tally.snapshot(kv.empty(budget=10, slots=1))

    assert [each.waited_s for each in found.records] == list(range(10, RECORDS + 10))
    assert found.decisions[Decision.ADMITTED] == RECORDS + 10


def test_a_snapshot_stays_as_it_was() -> None:
    tally = Tally()
    before = tally.snapshot(kv.empty(budget=10, slots=1))
    tally.add(record(Decision.ADMITTED))

    assert (before.decisions, before.records) == ({}, ())


def test_cells_are_those_promised_and_those_of_idle_slots() -> None:
    slots = (
        Slot(number=0, resident=(1,) * 30, reserved=20),
        Slot(number=1, reserved=10),
        Slot(number=2, resident=(1,) * 7),
    )
    found = Tally().snapshot(Cache(budget=100, slots=slots))

    assert (found.budget, found.reserved, found.resident, found.waiting) == (100, 40, 7, 0)
