from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.releases import reach


@st.composite
def nearly_sorted(draw: st.DrawFn) -> list[int]:
    """Builds, newest first, but that none stands behind more than `DISORDER` older ones."""
    builds = draw(st.lists(st.integers(1, 300), unique=True, min_size=1, max_size=120))
    listed: list[int] = []
    for build in sorted(builds):  # oldest first, each put in front of all or behind a few
        depth = draw(st.integers(0, min(reach.DISORDER, len(listed))))
        listed.insert(depth, build)
    return listed


@given(listed=nearly_sorted())
def test_such_lists_are_what_the_rule_is_stated_for(listed: list[int]) -> None:
    for place, build in enumerate(listed):
        assert sum(other < build for other in listed[:place]) <= reach.DISORDER


@given(listed=nearly_sorted(), pin=st.integers(1, 300))
def test_once_the_pin_is_passed_no_newer_build_was_missed(listed: list[int], pin: int) -> None:
    for read in range(len(listed) + 1):
        if reach.passed(set(listed[:read]), pin=pin):
            assert max(listed[read:], default=0) <= pin


@given(listed=nearly_sorted(), pin=st.integers(1, 300))
def test_what_was_passed_stays_passed(listed: list[int], pin: int) -> None:
    told = [reach.passed(set(listed[:read]), pin=pin) for read in range(len(listed) + 1)]

    assert told == sorted(told)


def test_a_day_of_older_builds_is_no_proof_and_one_more_is() -> None:
    older = set(range(1, reach.DISORDER + 1))

    assert not reach.passed(older, pin=100)
    assert not reach.passed(older | {101, 102}, pin=100)
    assert reach.passed(older | {100}, pin=100)
