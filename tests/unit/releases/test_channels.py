"""Builds that stable releases of upstream name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Policy
from engine_ci.releases.stable import StableRelease
from tests.unit.releases.build import NOW, choice, offer, pin, reasons, released

if TYPE_CHECKING:
    from engine_ci.releases.choose import Choice
    from engine_ci.releases.model import Offer

STABLE = Policy(channel="stable", propose="daily")


def named(
    name: str, build: str | None, *, hours: float | None = 100, reason: str = ""
) -> StableRelease:
    published = None if hours is None else NOW - timedelta(hours=hours)
    return StableRelease(name=name, published=published, build=build, reason=reason)


def decide(*stable: StableRelease, offers: tuple[Offer, ...] = ()) -> Choice:
    builds = offers or (offer("b11200", hours=200), offer("b11201", hours=199))
    return choice(*builds, of=released(), policy=STABLE, stable=stable)


def test_a_build_that_a_stable_release_names_is_the_candidate_under_its_own_name() -> None:
    made = decide(named("v0.5.0", "b11200"))

    assert made.chosen is not None
    assert made.chosen.version == "b11200"
    assert reasons(made) == {"b11201": "no stable release names it", "b11200": "candidate"}


@pytest.mark.parametrize(("hours", "chosen"), [(71, False), (72, True)])
def test_the_cooldown_is_that_of_the_stable_release(hours: float, chosen: bool) -> None:
    made = decide(named("v0.5.0", "b11200", hours=hours))

    assert (made.chosen is not None) is chosen
    assert chosen or reasons(made)["b11200"] == "younger than 72 hours"


@pytest.mark.parametrize("hours", [None, 300])
def test_a_stable_release_makes_no_build_older_than_it_is(hours: float | None) -> None:
    young = offer("b11200", hours=71)
    made = decide(named("v0.5.0", "b11200", hours=hours), offers=(young,))

    assert reasons(made) == {"b11200": "younger than 72 hours"}


def test_a_build_of_unknown_age_stays_so() -> None:
    made = decide(named("v0.5.0", "b11200", hours=1), offers=(offer("b11200"),))

    assert made.chosen is not None
    assert made.chosen.published is None


def test_a_stable_release_that_leads_nowhere_is_told_before_all_builds() -> None:
    made = decide(
        named("v0.5.1", None, reason="it has no nightly-tag.txt"),
        named("v0.5.0", "b11300"),
    )

    assert made.chosen is None
    assert [(each.version, each.reason) for each in made.decisions[:2]] == [
        ("v0.5.1", "leads to no build: it has no nightly-tag.txt"),
        ("v0.5.0", "names b11300, which the source does not have"),
    ]


def test_a_stable_release_behind_the_pin_moves_nothing() -> None:
    made = decide(named("v0.4.0", "b11100"), offers=(offer("b11100", hours=900),))

    assert (made.chosen, made.decisions) == (None, ())


def test_a_stable_release_of_an_older_build_is_not_missed_in_a_list_that_ends_at_the_pin() -> None:
    made = decide(named("v0.4.0", "b11100"), offers=(offer("b11194", hours=900),))

    assert (made.chosen, made.decisions) == (None, ())


@pytest.mark.parametrize(("hours", "told"), [(500, True), (None, True), (901, False)])
def test_what_a_stable_release_before_the_pinned_build_was_does_not_matter(
    hours: float | None, told: bool
) -> None:
    lost = named("v0.4.1", None, hours=hours, reason="it has no nightly-tag.txt")
    made = decide(lost, offers=(offer("b11194", hours=900),))

    assert bool(made.decisions) is told


def test_wheels_know_no_channels() -> None:
    made = choice(
        offer("0.2.0"), of=pin("0.1.2"), policy=STABLE, stable=[named("v0.5.1", None, reason="-")]
    )

    assert made.chosen is not None
    assert len(made.decisions) == 1


def test_on_the_nightly_channel_stable_releases_are_not_even_builds() -> None:
    made = choice(offer("v0.5.0"), offer("b11200"), of=released())

    assert [each.version for each in made.decisions] == ["b11200"]
