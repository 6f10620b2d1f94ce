"""What speaks against a release."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine_ci.config import Policy
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import Refusal
from engine_ci.releases.throttle import Proposals
from tests.unit.releases.build import EAGER, NOW, choice, offer, pin, reasons, released


@pytest.mark.parametrize(("hours", "chosen"), [(71.99, False), (72, True), (-1, False)])
def test_a_release_is_left_alone_until_its_cooldown_is_over(hours: float, chosen: bool) -> None:
    made = choice(offer("b11200", hours=hours), of=released(), policy=Policy())

    assert reasons(made) == {"b11200": "candidate" if chosen else "younger than 72 hours"}
    assert (made.chosen is not None) is chosen


def test_the_first_to_come_of_age_is_waited_for_by_the_minute() -> None:
    made = choice(
        offer("b11202", hours=1),
        offer("b11200", hours=71),
        offer("b11199", hours=71.5, flaws=("it is a draft",)),
        of=released(),
        policy=Policy(),
    )

    assert made.chosen is None
    assert made.postponed is not None
    assert (made.postponed.version, made.postponed.until) == ("b11200", NOW + timedelta(hours=1))
    assert made.postponed.reason == "waits until 2026-11-21 07:00 UTC, when it is 72 hours old"


def test_nothing_is_waited_for_where_time_alone_does_not_help() -> None:
    made = choice(offer("b11200", "ubuntu-x64", hours=1), of=released(), policy=Policy())

    assert (made.chosen, made.postponed) == (None, None)


def test_an_unknown_age_is_told_and_is_no_obstacle() -> None:
    made = choice(offer("0.1.3"), policy=Policy())

    assert made.chosen is not None
    assert reasons(made)["0.1.3"].startswith("candidate; its source does not tell its age")


def test_flaws_speak_against_a_release_before_all_else_and_are_kept() -> None:
    hold = Hold(version="b11200", reason="held")
    flaws = ("it is a draft", "llama-b11200-bin-ubuntu-x64.tar.gz was uploaded again")
    made = choice(offer("b11200", hours=1, flaws=flaws), offer("b11199"), of=released(holds=[hold]))

    assert made.chosen is not None
    assert made.chosen.version == "b11199"
    assert reasons(made)["b11200"] == "; ".join(flaws)
    assert made.decisions[0].flaws == flaws


@pytest.mark.parametrize("closed", ["0.2", "0.2.0"])
def test_after_a_person_closed_one_only_a_newer_release_is_proposed(closed: str) -> None:
    offers = (offer("0.2.0"), offer("0.1.3"))
    before = Proposals(closed=frozenset({closed, "0.1.4"}))

    waiting, newer = choice(*offers, proposals=before), choice(offer("0.2.1"), proposals=before)

    assert waiting.chosen is None
    assert reasons(waiting) == {
        "0.2.0": "a person closed its pull request",
        "0.1.3": f"a person closed the pull request of {closed}, which is newer",
    }
    assert newer.chosen is not None
    assert newer.chosen.version == "0.2.1"


def test_a_closed_one_that_the_source_lists_no_more_is_still_an_answer() -> None:
    gone, strange = (
        choice(offer("b11199"), of=released(), proposals=Proposals(closed=frozenset({closed})))
        for closed in ("b11200", "nightly")
    )

    assert gone.chosen is None
    assert strange.chosen is not None


NOISE = "the pinned build packaged again, and `rebuilds` is `never`"


@pytest.mark.parametrize("rebuilds", ["if_changed", "always"])
def test_a_rebuild_is_a_candidate_whose_bytes_decide(rebuilds: str) -> None:
    policy = Policy.model_validate({"rebuilds": rebuilds})
    made = choice(offer("2026.4.8672.1"), of=pin("2026.4.8672"), policy=policy)

    assert made.chosen is not None


def test_a_rebuild_can_be_left_out_and_newer_builds_are_not() -> None:
    policy = Policy(rebuilds="never")
    offers = (offer("2026.4.8672"), offer("2026.4.8672.1"))
    alone = choice(*offers, of=pin("2026.4.8672"), policy=policy)
    newer = choice(*offers, offer("2026.4.8929"), of=pin("2026.4.8672"), policy=policy)

    assert (alone.chosen, reasons(alone)) == (None, {"2026.4.8672.1": NOISE})
    assert newer.chosen is not None
    assert newer.chosen.version == "2026.4.8929"


@pytest.mark.parametrize("trouble", ["held", "failed", "withdrawn"])
def test_a_rebuild_of_a_pin_in_trouble_is_no_noise(trouble: str) -> None:
    """As of xllamacpp 2026.4.8672, an illegal instruction on common processors."""
    hold = Hold(version="2026.4.8672", reason="an illegal instruction")
    own = [offer("2026.4.8672")] * (trouble != "withdrawn")
    made = choice(
        offer("0.2.14"),
        *own,
        offer("2026.4.8672.1"),
        of=pin("2026.4.8672", holds=[hold] * (trouble == "held")),
        policy=Policy(rebuilds="never"),
        failed=trouble == "failed",
        withdrawn=trouble == "withdrawn",
        proposals=Proposals(last=NOW),
    )

    assert made.chosen is not None
    assert made.chosen.version == "2026.4.8672.1"
    assert "it does not wait, since the pin is" in reasons(made)["2026.4.8672.1"]


def test_the_first_reason_is_told() -> None:
    hold = Hold(version="b11200", reason="held")
    refusal = Refusal(version="b11200", reason="it died")
    bare = offer("b11200", "ubuntu-x64", hours=1)
    known = choice(bare, of=released(holds=[hold]), refused=[refusal], policy=Policy())
    held = choice(bare, of=released(holds=[hold]), policy=Policy())
    closed = choice(
        bare, of=released(), policy=Policy(), proposals=Proposals(closed=frozenset({"b11200"}))
    )
    incomplete = choice(bare, of=released(), policy=Policy())

    assert [reasons(made)["b11200"] for made in (known, held, closed, incomplete)] == [
        "refused in this run: it died",
        "held: held",
        "a person closed its pull request",
        "no file for macos-arm64",
    ]


def test_archives_have_no_tags_that_a_platform_could_refuse() -> None:
    assert choice(offer("b11200"), of=released(), policy=EAGER).chosen is not None
