"""What holds of every choice, whatever is offered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.config import EveryBuilds, Policy
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import Refusal
from engine_ci.releases.throttle import Proposals
from tests.unit.releases.build import NOW, TAGS, choice, offer, pin, released, version

if TYPE_CHECKING:
    from engine_ci.releases.choose import Choice
    from engine_ci.releases.model import Offer
    from engine_ci.releases.ordering import Order

PINNED = 11194
BUILDS = st.integers(PINNED - 5, PINNED + 25)
POLICIES = st.builds(
    Policy,
    propose=st.sampled_from(["daily", "weekly", "3 days", EveryBuilds(every_builds=3)]),
    cooldown_hours=st.sampled_from([0, 24, 72]),
    rebuilds=st.sampled_from(["never", "if_changed", "always"]),
)
PROPOSALS = st.builds(
    Proposals,
    last=st.none() | st.integers(0, 20).map(lambda days: NOW - timedelta(days=days)),
    version=st.none() | BUILDS.map("b{}".format),
    closed=st.frozensets(BUILDS.map("b{}".format), max_size=3),
    waiting=st.booleans(),
)
HOLDS = st.lists(
    st.builds(
        Hold,
        version=st.tuples(BUILDS, BUILDS).map(lambda ends: f"b{min(ends)}..b{max(ends)}")
        | BUILDS.map("b{}".format),
        reason=st.just("held"),
        until=st.none() | st.integers(-2, 2).map(lambda days: NOW.date() + timedelta(days=days)),
    ),
    max_size=2,
)


@st.composite
def lists(draw: st.DrawFn) -> list[Offer]:
    """Releases of different builds: some incomplete, some young, some flawed."""
    return [
        offer(
            f"b{build}",
            *draw(st.sampled_from([tuple(TAGS), tuple(TAGS), ("ubuntu-x64",)])),
            hours=draw(st.none() | st.integers(-1, 200)),
            flaws=draw(st.sampled_from([(), (), (), ("it is a draft",)])),
        )
        for build in draw(st.lists(BUILDS, unique=True, max_size=20))
    ]


@given(lists(), POLICIES, PROPOSALS, HOLDS, st.randoms(use_true_random=False))
def test_the_order_of_the_list_changes_nothing(
    offers: list[Offer], policy: Policy, proposals: Proposals, holds: list[Hold], dice: object
) -> None:
    assert hasattr(dice, "shuffle")
    shuffled = list(offers)
    dice.shuffle(shuffled)
    of = released(holds=holds)

    assert choice(*offers, of=of, policy=policy, proposals=proposals) == choice(
        *shuffled, of=of, policy=policy, proposals=proposals
    )


@given(lists(), POLICIES, PROPOSALS, HOLDS)
def test_every_newer_release_has_exactly_one_decision_and_a_reason(
    offers: list[Offer], policy: Policy, proposals: Proposals, holds: list[Hold]
) -> None:
    made = choice(*offers, of=released(holds=holds), policy=policy, proposals=proposals)
    newer = sorted(
        (each.version.order for each in offers if each.version.order > version("b11194").order),
        reverse=True,
    )
    told: list[Order] = []
    for decision in made.decisions:
        run = newer[len(told) : len(told) + decision.releases]
        assert run[0] == version(decision.version).order
        assert run[-1] == version(decision.oldest or decision.version).order
        assert decision.reason
        told += run

    assert told == newer
    assert [each.version for each in made.decisions if each.chosen] == (
        [made.chosen.version] if made.chosen else []
    )


@given(lists(), POLICIES, PROPOSALS, HOLDS)
def test_what_is_chosen_is_newer_than_the_pin_complete_unheld_and_old_enough(
    offers: list[Offer], policy: Policy, proposals: Proposals, holds: list[Hold]
) -> None:
    made = choice(*offers, of=released(holds=holds), policy=policy, proposals=proposals)
    if made.chosen is None:
        return
    (own,) = (each for each in offers if each.version.text == made.chosen.version)

    assert own.version.order > version("b11194").order
    assert own.platforms == frozenset(TAGS)
    assert not own.flaws
    assert all(own.version.order > version(closed).order for closed in proposals.closed)
    cooldown = timedelta(hours=policy.cooldown_hours)
    proposed = proposals.waiting and own.version.text == proposals.version
    assert proposed or own.published is None or own.published + cooldown <= NOW
    without = choice(
        *offers,
        of=released(holds=[*holds, Hold(version="b1..b99999", reason="a year", until=NOW.date())]),
        policy=policy,
        proposals=proposals,
    )
    assert without.chosen is None


@given(lists(), lists(), POLICIES, st.integers(-400, 400))
def test_an_open_proposal_never_goes_back_whatever_comes_and_whatever_the_clock_says(
    offers: list[Offer], later: list[Offer], policy: Policy, hours: int
) -> None:
    first = choice(*offers, of=released(), policy=policy)
    if first.chosen is None:
        return
    known = {each.version.text for each in offers}
    every = [*offers, *(each for each in later if each.version.text not in known)]
    shifted = [
        replace(each, published=each.published and each.published + timedelta(hours=hours))
        for each in every
    ]
    proposals = Proposals(last=NOW, version=first.chosen.version, waiting=True)
    second = choice(*shifted, of=released(), policy=policy, proposals=proposals)

    assert number(second) >= number(first)


@given(lists(), BUILDS, POLICIES, HOLDS)
def test_one_more_release_that_is_not_eligible_never_changes_the_choice(
    offers: list[Offer], build: int, policy: Policy, holds: list[Hold]
) -> None:
    others = [each for each in offers if each.version.build != build]
    bad = replace(offer(f"b{build}", hours=500), flaws=("it is a draft",))
    of = released(holds=holds)
    by_days = policy.model_copy(update={"propose": "weekly"})
    before = choice(*others, of=of, policy=by_days)
    after = choice(*others, bad, of=of, policy=by_days)

    assert chosen(before) == chosen(after)


@given(lists(), POLICIES, HOLDS)
def test_a_hold_of_the_chosen_one_yields_the_next(
    offers: list[Offer], policy: Policy, holds: list[Hold]
) -> None:
    by_days = policy.model_copy(update={"propose": "weekly"})
    first = choice(*offers, of=released(holds=holds), policy=by_days)
    if first.chosen is None:
        return
    hold = Hold(version=first.chosen.version, reason="new")
    second = choice(*offers, of=released(holds=[*holds, hold]), policy=by_days)
    left = [each for each in offers if each.version.text != first.chosen.version]

    assert chosen(second) == chosen(choice(*left, of=released(holds=holds), policy=by_days))
    assert chosen(second) is None or number(second) < number(first)


@given(lists(), POLICIES, PROPOSALS)
def test_where_nothing_is_chosen_something_is_waited_for_or_all_is_refused(
    offers: list[Offer], policy: Policy, proposals: Proposals
) -> None:
    made = choice(*offers, of=released(), policy=policy, proposals=proposals)
    said = {each.reason for each in made.decisions}

    assert (made.chosen is None) or (made.postponed is None)
    if made.chosen is None and made.postponed is None:
        assert not any(reason.startswith(("candidate", "eligible", "older")) for reason in said)
        assert not any(reason.startswith("younger") for reason in said)


TEXTS = st.lists(
    st.sampled_from(
        ["0.1.0", "0.1.2", "0.1.3", "0.2.0", "2026.4.8672", "2026.4.8672.1", "0.9000.0"]
    ),
    unique=True,
)
# What a version is worth where builds are numbers and 0.1.2 is pinned.
WORTH = ["0.1.3", "0.2.0", "2026.4.8672", "2026.4.8672.1", "0.9000.0"]


@given(TEXTS.flatmap(st.permutations), TEXTS, TEXTS)
def test_of_packages_the_newest_sound_one_is_chosen(
    texts: list[str], held: list[str], refused: list[str]
) -> None:
    made = choice(
        *map(offer, texts),
        of=pin("0.1.2", holds=[Hold(version=text, reason="held") for text in held]),
        refused=[Refusal(version=text, reason="refused") for text in refused],
    )
    sound = [text for text in WORTH if text in texts and text not in {*held, *refused}]

    assert chosen(made) == (sound[-1] if sound else None)


def chosen(made: Choice) -> str | None:
    return made.chosen.version if made.chosen else None


def number(made: Choice) -> int:
    assert made.chosen is not None
    assert made.chosen.build is not None
    return made.chosen.build
