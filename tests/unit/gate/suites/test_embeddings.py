from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.gate.distance import TO_BASELINE, TO_REFERENCE
from engine_ci.gate.suites.embeddings import judge
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from engine_ci.gate.distance import Scale

EXPECTED = (1.0, 0.0)


def off(by: float) -> tuple[float, float]:
    return (1.0, by)


@pytest.mark.parametrize("scale", [TO_BASELINE, TO_REFERENCE])
def test_the_passage_that_is_furthest_away_is_judged(scale: Scale) -> None:
    between = (scale.passes + scale.fails) / 2

    found = [
        judge([EXPECTED] * 2, [EXPECTED, off(moved)], scale).status
        for moved in (0.0, 0.99 * scale.passes, between, 1.01 * scale.fails)
    ]

    assert found == [Status.PASS, Status.PASS, Status.WARN, Status.FAIL]


def test_a_component_that_is_off_by_a_thousandth_fails_against_mathematics_only() -> None:
    # Another kernel of attention moves as much.
    assert judge([EXPECTED], [off(1e-3)], TO_REFERENCE).status is Status.FAIL
    assert judge([EXPECTED], [off(1e-3)], TO_BASELINE).status is Status.WARN
    assert judge([EXPECTED], [off(1e-2)], TO_BASELINE).status is Status.FAIL


def test_what_was_found_says_how_far_it_is() -> None:
    found = judge([EXPECTED], [off(1e-3)], TO_REFERENCE)

    assert found.observed == "largest difference 1.0e-03 in 1 vectors; 1 - cosine 5.0e-07"
