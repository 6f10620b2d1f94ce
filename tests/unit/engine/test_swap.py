"""Requests are collated by engine, nobody waits for ever, and pairs stay together."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.swap import Collated, InOrder, Paired, Queue, Request, Strategy, plan

engines = st.sampled_from("ABCD")


def requests(order: str) -> list[Request]:
    return [Request(name=f"{engine}{number}", engine=engine) for number, engine in enumerate(order)]


def pairs(*orders: str) -> list[Request]:
    return [
        Request(name=f"{engine}{number}", engine=engine, pair=str(number))
        for number, order in enumerate(orders)
        for engine in order
    ]


def order(found: list[Request], *, strategy: Strategy) -> str:
    return "".join(request.engine for request in plan(found, strategy=strategy))


def swaps(order: str) -> int:
    return len(list(groupby(order)))


def test_in_order_nothing_is_moved() -> None:
    assert order(requests("ABCABC"), strategy=InOrder()) == "ABCABC"


def test_requests_are_collated_by_engine() -> None:
    assert order(requests("ABCABC"), strategy=Collated()) == "AABBCC"


def test_nobody_is_passed_more_often_than_that() -> None:
    assert order(requests("ABAAAA"), strategy=Collated(most=2)) == "AAABAA"


def test_with_no_patience_nothing_is_moved() -> None:
    assert order(requests("ABAB"), strategy=Collated(most=0)) == "ABAB"


def test_pairs_are_asked_the_other_way_round_in_turn() -> None:
    assert order(pairs("AB", "AB", "AB"), strategy=Paired()) == "ABBAAB"


def test_a_request_without_a_pair_is_one_by_itself() -> None:
    assert order(requests("ABA"), strategy=Paired()) == "ABA"


def test_who_comes_meanwhile_is_served_too() -> None:
    queue = Queue(waiting=tuple(requests("AB")))
    queue = queue.served(Collated().choose(queue)).joined(Request(name="late", engine="A"))
    assert Collated().choose(queue).name == "late"


@given(st.text(engines), st.sampled_from([InOrder(), Collated(), Collated(most=1), Paired()]))
def test_everybody_is_served_once(found: str, strategy: Strategy) -> None:
    served = [request.name for request in plan(requests(found), strategy=strategy)]
    assert sorted(served) == sorted(request.name for request in requests(found))


@given(st.text(engines), st.integers(0, 5))
def test_nobody_starves(found: str, most: int) -> None:
    assert all(
        request.passed <= most for request in plan(requests(found), strategy=Collated(most=most))
    )


@given(st.text(engines), st.data())
def test_nobody_starves_when_others_keep_coming(found: str, data: st.DataObject) -> None:
    strategy = Collated(most=3)
    queue = Queue(waiting=tuple(requests(found or "A")))
    for number in range(40):
        if not queue.waiting:
            break
        chosen = strategy.choose(queue)
        assert chosen.passed <= strategy.most
        queue = queue.served(chosen)
        if number < 20:
            queue = queue.joined(Request(name=f"new{number}", engine=data.draw(engines)))


@given(st.text(engines))
def test_collating_never_takes_more_swaps(found: str) -> None:
    collated = order(requests(found), strategy=Collated(most=len(found)))
    assert swaps(collated) == len(set(found)) <= swaps(found)


@given(st.lists(st.permutations("ABC").map("".join)))
def test_pairs_stay_together(orders: list[str]) -> None:
    served = list(plan(pairs(*orders), strategy=Paired()))
    assert [key for key, _ in groupby(served, key=lambda request: request.pair)] == [
        str(number) for number in range(len(orders))
    ]


@pytest.mark.parametrize("strategy", [InOrder(), Collated(), Paired()])
def test_of_nobody_there_is_no_order(strategy: Strategy) -> None:
    assert not list(plan([], strategy=strategy))
