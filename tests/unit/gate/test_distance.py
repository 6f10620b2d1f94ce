from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import EngineAnswerError
from engine_ci.gate.distance import Scale, distance, length
from engine_ci.records.gate import Status

components = st.floats(-10, 10).filter(lambda value: value == 0 or abs(value) > 1e-3)
vectors = st.lists(components, min_size=2, max_size=8).filter(any)
sizes = components.filter(bool)
pairs = st.lists(st.tuples(sizes, sizes), min_size=2, max_size=8)
SCALE = Scale(passes=0.1, fails=0.3)


@given(vector=vectors, by=st.floats(0.01, 100))
def test_a_longer_vector_is_no_other_direction(vector: list[float], by: float) -> None:
    found = distance(vector, [by * value for value in vector])

    assert found.largest == pytest.approx(0, abs=1e-12)
    assert found.angle == pytest.approx(0, abs=1e-12)


@given(pairs=pairs)
def test_a_distance_is_the_same_from_both_ends(pairs: list[tuple[float, float]]) -> None:
    one, other = (list(vector) for vector in zip(*pairs, strict=True))

    found = distance(one, other)

    assert found == distance(other, one)
    assert found.largest**2 <= 2 * found.angle + 1e-12 <= len(one) * found.largest**2 + 1e-9


def test_the_largest_difference_is_of_unit_vectors() -> None:
    found = distance([3, 4], [4, 3])

    assert found.largest == pytest.approx(0.2)
    assert found.angle == pytest.approx(1 - 24 / 25)


def test_vectors_of_another_size_are_no_vectors_of_this_model() -> None:
    with pytest.raises(EngineAnswerError, match="expected 3 components, found 2"):
        distance([1, 2, 3], [1, 2])


@pytest.mark.parametrize("one", [[0, 0], [0.6, 0.8]])
def test_a_vector_of_zeros_has_no_direction(one: list[float]) -> None:
    with pytest.raises(EngineAnswerError, match="a vector of zeros has no direction"):
        distance(one, [0, 0])


@given(vector=vectors)
def test_a_length_is_what_euclid_says(vector: list[float]) -> None:
    assert length(vector) == pytest.approx(math.hypot(*vector))


@pytest.mark.parametrize(
    ("largest", "status"),
    [(0.1, Status.PASS), (0.2, Status.WARN), (0.3, Status.WARN), (0.31, Status.FAIL)],
)
def test_between_what_passes_and_what_fails_is_a_warning(largest: float, status: Status) -> None:
    assert SCALE.status(largest) is status
