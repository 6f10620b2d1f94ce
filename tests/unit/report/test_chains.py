"""Ratios multiplied, build after build."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.report import builds, chains, runs
from tests.unit.report.past import gated, measurement, run

if TYPE_CHECKING:
    from engine_ci.report.chains import Chain

RATIOS = st.lists(st.floats(0.5, 2.0), min_size=1, max_size=20)


def chained(*found: runs.Run) -> list[Chain]:
    return chains.of(builds.of(found))


def test_one_build_keeps_the_bounds_that_the_gate_gave_it() -> None:
    (chain,) = chained(run(1, 0.98))

    (point,) = chain.points
    measured = measurement(0.98)
    assert (chain.metric, chain.start) == ("generation", "b0")
    assert [point.step, point.ratio] == pytest.approx([0.98, 0.98])
    assert [point.low, point.high] == pytest.approx([measured.low, measured.high])


@given(RATIOS)
def test_ratios_multiply_and_their_errors_add_by_squares(ratios: list[float]) -> None:
    (chain,) = chained(*(run(number, ratio) for number, ratio in enumerate(ratios, 1)))

    last = chain.points[-1]
    assert last.ratio == pytest.approx(math.prod(ratios))
    assert math.log(last.high / last.ratio) == pytest.approx(0.01 * len(ratios) ** 0.5)
    assert math.log(last.ratio / last.low) == pytest.approx(0.01 * len(ratios) ** 0.5)
    assert last.step == pytest.approx(ratios[-1])


def test_a_build_that_was_measured_again_is_known_better() -> None:
    (chain,) = chained(run(1, 1.02, 0.98))

    (point,) = chain.points
    assert point.ratio == pytest.approx(math.sqrt(1.02 * 0.98))
    assert math.log(point.high / point.ratio) == pytest.approx(0.01 / math.sqrt(2))


def test_the_surer_measurement_weighs_more() -> None:
    result = gated(1, measurement(1.1, error=0.01), measurement(0.9, error=0.1))

    (chain,) = chained(runs.of("a", result))

    assert chain.points[0].ratio == pytest.approx(1.1, rel=0.01)


def test_where_a_build_was_not_measured_a_new_chain_begins() -> None:
    first, second = chained(run(1, 0.9), run(2, 0.9), run(3), run(4, 0.8))

    assert ([point.build.engine.version for point in first.points], first.start) == (
        ["b1", "b2"],
        "b0",
    )
    assert second.start == "b3"
    assert second.points[0].ratio == pytest.approx(0.8)


def test_what_was_held_against_another_build_than_the_last_begins_a_chain_too() -> None:
    first, second = chained(run(1, 0.9), run(5, 0.8, before=2))

    assert (first.start, second.start) == ("b0", "b2")
    assert second.points[0].ratio == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("ratio", "low", "high"), [(1.0, 0.0, 1.1), (1.0, -1.0, 1.1), (1.0, 1.1, 1.2), (1.0, 0.8, 0.9)]
)
def test_bounds_that_make_no_sense_are_no_measurement(
    ratio: float, low: float, high: float
) -> None:
    bounds = measurement(ratio).model_copy(update={"low": low, "high": high})

    assert chained(runs.of("a", gated(1, bounds))) == []


def test_bounds_without_any_room_are_not_believed_to_the_last_digit() -> None:
    exact = measurement(1.0, error=0.0)
    (chain,) = chained(runs.of("a", gated(1, exact.model_copy(update={"ratio": 1.0}))))

    assert chain.points[0].low < 1 < chain.points[0].high
    assert chain.moves == ()


def test_a_build_that_moved_is_marked_in_its_own_metric_only() -> None:
    found = [
        runs.of(
            "a",
            gated(
                number,
                measurement(0.8 if number == 3 else 1.001),
                measurement(1.002, metric="prompt"),
            ),
        )
        for number in range(1, 6)
    ]

    generation, prompt = chained(*found)

    (move,) = generation.moves
    assert (move.first, move.last, prompt.moves) == (2, 2, ())
    assert generation.points[move.first].build.engine.version == "b3"
