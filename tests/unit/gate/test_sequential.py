from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import sequential, speed, statistics
from tests.unit.gate.speeds import speeds

LOOKS = (12, 16, 24, 48)


def test_looks_share_the_doubt_by_halves() -> None:
    found = sequential.looks(LOOKS, confidence=0.99)

    assert list(found) == [12, 16, 24, 48]
    assert list(found.values()) == pytest.approx([0.995, 0.9975, 0.99875, 0.99875])


def test_who_looks_once_may_doubt_as_much_as_is_allowed() -> None:
    assert sequential.looks([8], confidence=0.99) == {8: 0.99}


@given(
    restarts=st.lists(st.integers(8, 100), min_size=1, max_size=6, unique=True).map(sorted),
    confidence=st.floats(0.9, 0.999),
)
def test_all_looks_together_are_as_sure_as_is_asked(restarts: list[int], confidence: float) -> None:
    found = sequential.looks(restarts, confidence=confidence)

    assert sum(1 - each for each in found.values()) <= (1 - confidence) * (1 + 1e-9)


@given(confidence=st.floats(0.99, 0.9999999))
def test_no_look_comes_before_it_can_be_as_sure(confidence: float) -> None:
    for restarts, each in sequential.looks(LOOKS, confidence=confidence).items():
        assert restarts >= statistics.least_count(each)


@pytest.mark.parametrize(
    ("candidate", "noise", "first", "later"),
    [
        pytest.param(1.0, 0.01, True, True, id="fast enough beyond doubt"),
        pytest.param(1.2, 0.01, True, True, id="improved"),
        pytest.param(0.9, 0.01, True, True, id="too slow beyond doubt"),
        pytest.param(0.965, 0.01, False, True, id="near the limit"),
        pytest.param(1.0, 0.3, False, False, id="too noisy to tell"),
    ],
)
def test_more_restarts_are_wanted_only_where_they_could_change_the_verdict(
    candidate: float, noise: float, first: bool, later: bool
) -> None:
    found = speed.compare(speeds(candidate=candidate, noise=noise), limit=0.97, confidence=0.99)

    assert sequential.is_decided([found], first=True) is first
    assert sequential.is_decided([found], first=False) is later


def test_a_question_is_decided_when_all_that_it_measures_is() -> None:
    clear, noisy = (
        speed.compare(speeds(noise=noise), limit=0.97, confidence=0.99) for noise in (0.01, 0.3)
    )

    assert not sequential.is_decided([clear, noisy], first=False)
