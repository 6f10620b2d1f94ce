"""One word on each release, and one on many in a row."""

from __future__ import annotations

import pytest

from engine_ci.config import Policy
from tests.unit.releases.build import choice, offer, released


@pytest.mark.parametrize("count", [1, 3])
def test_a_few_releases_are_told_one_by_one(count: int) -> None:
    older = [offer(f"b{number}") for number in range(11195, 11195 + count)]
    made = choice(*older, offer("b11300"), of=released())

    assert len(made.decisions) == 1 + count
    assert {each.oldest for each in made.decisions} == {None}


def test_many_in_a_row_for_one_reason_share_a_decision() -> None:
    young = [offer(f"b{number}", hours=1) for number in range(11290, 11300)]
    older = [offer(f"b{number}", hours=200) for number in range(11195, 11235)]
    made = choice(*young, *older, of=released(), policy=Policy())

    assert [each.subject for each in made.decisions] == [
        "b11299 … b11290 (10 releases)",
        "b11234",
        "b11233 … b11195 (39 releases)",
    ]
    assert [each.releases for each in made.decisions] == [10, 1, 39]
    assert made.decisions[2].reason == "older than the candidate b11234"


def test_a_flawed_release_among_many_stands_out() -> None:
    older = [offer(f"b{number}") for number in range(11195, 11235)]
    flawed = offer("b11210", flaws=("it is a draft",))
    older[15] = flawed
    made = choice(*older, of=released())

    assert [(each.version, each.reason) for each in made.decisions if each.flaws] == [
        ("b11210", "it is a draft")
    ]
    assert sum(each.releases for each in made.decisions) == 40
