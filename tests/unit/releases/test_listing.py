"""Lists as servers give them: in any order, with doubles, with things that are no builds."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.releases.build import choice, offer, reasons, released


def test_a_release_that_is_listed_twice_is_one() -> None:
    made = choice(offer("b11200"), offer("b11200"), of=released())

    assert made.chosen is not None
    assert len(made.decisions) == 1


def test_a_release_that_is_listed_twice_and_not_alike_is_refused_whatever_comes_first() -> None:
    whole, part = offer("b11200"), offer("b11200", "ubuntu-x64")
    first = choice(whole, part, of=released())
    second = choice(part, whole, of=released())

    assert first == second
    assert reasons(first) == {"b11200": "it is listed more than once, and not alike"}


def test_two_spellings_of_a_version_are_one_release() -> None:
    made = choice(offer("0.2"), offer("0.2.0"))

    assert [each.version for each in made.decisions] == ["0.2"]
    assert made.chosen is None


def test_the_order_of_a_list_means_nothing() -> None:
    listed = ["b9999", "b9996", "b9995", "b9994", "b10012"]
    made = choice(*map(offer, listed), of=released("b9990"))

    assert made.chosen is not None
    assert made.chosen.version == "b10012"
    assert made == choice(*map(offer, reversed(listed)), of=released("b9990"))


def test_of_releases_on_github_builds_alone_count() -> None:
    odd = replace(offer("b11200"), version=offer("0.12000.0").version)

    assert choice(odd, of=released()).decisions == ()
