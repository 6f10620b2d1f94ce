from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate.schedule import Role, plan

SEEDS = st.integers(0, 2**63)


@given(SEEDS, st.integers(1, 20), st.sampled_from([2, 4, 6]))
def test_every_round_asks_every_engine_once(seed: int, restarts: int, rounds: int) -> None:
    planned = plan(seed=seed, restarts=restarts, rounds=rounds)

    assert [len(restart) for restart in planned] == [rounds] * restarts
    assert {frozenset(order) for restart in planned for order in restart} == {frozenset(Role)}
    assert {len(order) for restart in planned for order in restart} == {len(Role)}


@given(SEEDS)
def test_every_second_round_mirrors_the_one_before(seed: int) -> None:
    (restart,) = plan(seed=seed, restarts=1, rounds=4)

    assert restart[1] == restart[0][::-1]
    assert restart[3] == restart[2][::-1]


def test_the_seed_decides_the_order() -> None:
    first = plan(seed=1, restarts=12, rounds=4)

    assert plan(seed=1, restarts=12, rounds=4) == first
    assert plan(seed=2, restarts=12, rounds=4) != first


def test_over_many_restarts_no_engine_is_favoured_with_a_place() -> None:
    planned = plan(seed=7, restarts=600, rounds=2)

    first = [restart[0][0] for restart in planned]

    assert all(150 < first.count(role) < 250 for role in Role)
