"""How the pin itself stands."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.pins.model import Hold
from tests.unit.releases.build import NOW, choice, offer, pin, released

if TYPE_CHECKING:
    from engine_ci.records.candidate import Standing
    from engine_ci.releases.model import Offer

BEFORE, OWN, AFTER = offer("b11190", hours=80), offer("b11194", hours=50), offer("b11200", hours=1)


def stands(*offers: Offer, holds: tuple[Hold, ...] = (), failed: bool = False) -> Standing:
    return choice(*offers, of=released(holds=holds), failed=failed, withdrawn=True).standing


@pytest.mark.parametrize(("hours", "days"), [(0, 0), (23, 0), (24, 1), (50, 2), (-5, 0)])
def test_the_age_of_the_pin_is_that_of_its_release_in_whole_days(hours: float, days: int) -> None:
    found = stands(offer("b11194", hours=hours))

    assert (found.age_days, found.published) == (days, NOW - timedelta(hours=hours))


def test_the_age_is_not_known_where_the_source_does_not_tell_it() -> None:
    assert stands(offer("b11194")).age_days is None
    assert stands(AFTER).age_days is None


def test_every_newer_release_counts_once_whatever_speaks_against_it() -> None:
    held = Hold(version="b11201", reason="held")
    assert stands(BEFORE, OWN, AFTER, AFTER, offer("b11201"), holds=(held,)).behind == 2


def test_a_sound_pin_has_no_troubles() -> None:
    assert stands(BEFORE, OWN, AFTER).troubles == ()


def test_a_pin_that_the_source_does_not_have_any_more_is_withdrawn() -> None:
    gone = ("withdrawn: the source has no b11194 any more",)

    assert stands(BEFORE, AFTER).troubles == stands(AFTER).troubles == stands().troubles == gone


def test_flaws_of_the_pinned_release_are_troubles_of_the_pin() -> None:
    flawed = offer("b11194", flaws=("it is a draft again",))

    assert stands(flawed).troubles == ("withdrawn: it is a draft again",)


def test_a_hold_and_the_gates_refusal_are_told_together() -> None:
    hold = Hold(version="b11000..b11199", reason="loses a flag", link="https://example.org/7")

    assert stands(OWN, holds=(hold,), failed=True).troubles == (
        "held: loses a flag (https://example.org/7)",
        "refused by the gate",
    )


def test_holds_that_have_ended_are_listed() -> None:
    over = Hold(version="b1..b2", reason="old", until=NOW.date() - timedelta(days=1))
    today = Hold(version="b3", reason="new", until=NOW.date())

    assert stands(OWN, holds=(over, today)).expired == ("b1..b2: held until 2026-11-20: old",)


def test_a_pin_of_an_index_is_judged_alike() -> None:
    found = choice(offer("0.1.1"), offer("0.1.3"), of=pin("0.1.2"), withdrawn=True).standing

    assert (found.behind, found.age_days) == (1, None)
    assert found.troubles == ("withdrawn: the source has no 0.1.2 any more",)


def test_a_pinned_pre_release_is_never_listed_by_an_index() -> None:
    assert choice(offer("0.1.2"), of=pin("0.1.3rc1"), withdrawn=True).standing.troubles == ()
