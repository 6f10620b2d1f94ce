from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from engine_ci.gate.tally import Tally


def test_every_answer_and_every_end_is_told() -> None:
    told: list[tuple[int, int, int]] = []
    tally = Tally(2, told=lambda *counts: told.append(counts))

    assert list(tally.counted("ab")) == ["a", "b"]
    assert list(tally.counted("")) == []

    assert told == [(0, 2, 1), (0, 2, 2), (1, 2, 2), (2, 2, 2)]


def test_nothing_is_lost_where_suites_run_side_by_side() -> None:
    told: list[tuple[int, int, int]] = []
    tally = Tally(8, told=lambda *counts: told.append(counts))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: list(tally.counted(range(200))), range(8)))

    assert told[-1] == (8, 8, 1600)
    assert told == sorted(told)
