from __future__ import annotations

from itertools import pairwise

import pytest

from engine_ci.engine import processors


def test_every_level_needs_what_the_one_below_needs_and_more() -> None:
    assert all(
        processors.of_level(low) < processors.of_level(high) for low, high in pairwise(range(1, 5))
    )
    assert processors.of_level(0) == processors.of_level(5) == frozenset()


@pytest.mark.parametrize(
    ("name", "needed"),
    [("x64", set()), ("sandybridge", {"avx", "sse4_2"}), ("armv8.2_1", None)],
)
def test_a_variant_needs_what_its_name_stands_for(name: str, needed: set[str] | None) -> None:
    assert processors.of_variant(name) == needed


def test_what_a_build_tells_is_told_in_the_words_of_linux() -> None:
    assert processors.of_build(["AVX_VNNI", "SSE3", "OPENMP"]) == {"avx_vnni", "pni"}


def test_what_is_needed_and_not_there_is_lacking() -> None:
    assert processors.lacking({"b", "a", "c"}, {"c"}) == ("a", "b")
    assert processors.lacking({"a"}, {"a", "b"}) == ()


def test_nothing_is_known_to_be_lacking_where_nobody_tells_what_is_there() -> None:
    assert processors.lacking({"a"}, None) == ()
