"""Four months of llama.cpp's releases, polled once a day: what would have been proposed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import EveryBuilds, Policy
from engine_ci.pins.model import Hold
from engine_ci.releases.choose import choose
from engine_ci.releases.stable import StableRelease
from engine_ci.releases.throttle import Proposals
from tests.unit.releases import history
from tests.unit.releases.build import choice, offer, pin, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine_ci.pins.model import Pin
    from engine_ci.records.candidate import Decision
    from engine_ci.releases.choose import Choice
    from engine_ci.releases.model import Offer

START = "b9310"
DAY = timedelta(days=1)
# The engine needed macOS 26 from one build on, by mistake, until another mended it.
RAISED_FLOOR = Hold(version="b9416..b10267", reason="needs macOS 26")
STABLE = (
    StableRelease(name="v0.2.0", published=datetime(2026, 8, 21, 13, tzinfo=UTC), build="b10566"),
    StableRelease(name="v0.3.0", published=datetime(2026, 8, 25, 12, tzinfo=UTC), build="b10621"),
    StableRelease(
        name="v0.4.1",
        published=datetime(2026, 9, 10, tzinfo=UTC),
        reason="it has no nightly-tag.txt, and no build has its commit",
    ),
    StableRelease(name="v0.5.0", published=datetime(2026, 9, 23, tzinfo=UTC), build="b11146"),
)


@dataclass(frozen=True, kw_only=True)
class Poll:
    """One day: what there was, and what came of it."""

    now: datetime
    pinned: str
    offers: Sequence[Offer]
    proposals: Proposals
    choice: Choice

    @property
    def chosen(self) -> str | None:
        return self.choice.chosen.version if self.choice.chosen else None

    @property
    def opened(self) -> bool:
        """Whether a new pull request would have come of it."""
        return self.chosen is not None and not self.proposals.waiting


@dataclass(kw_only=True)
class Reviewer:
    """A person who answers a pull request some days after it was opened.

    Attributes:
        after: how many days; None for never.
        closes: how many of the first are closed instead of merged.
    """

    after: int | None = 1
    closes: int = 0
    opened: datetime | None = field(default=None, init=False)

    def answers(self, now: datetime) -> bool:
        if self.opened is None or self.after is None:
            return False
        return now - self.opened >= self.after * DAY


def replay(
    reviewer: Reviewer,
    *,
    policy: Policy | None = None,
    holds: Iterable[Hold] = (),
    last: datetime = history.LAST,
    offered: Callable[[datetime], list[Offer]] = history.offers,
    stable: Sequence[StableRelease] = (),
    clock: Callable[[datetime], datetime] = lambda now: now,
) -> list[Poll]:
    """Every day's poll, with the pin moving as the reviewer lets it; `clock` is what ours says."""
    pin = history.pin(START, holds=holds)
    proposals, polls = Proposals(), list[Poll]()
    for now in history.days(last=last):
        if proposals.waiting and reviewer.answers(now):
            assert proposals.version is not None
            proposals, pin = _answered(proposals, pin, reviewer)
        offers = offered(now)
        choice = choose(
            offers,
            pin,
            policy=policy or Policy(),
            now=clock(now),
            files=lambda offer: offer.assets,
            proposals=proposals,
            stable=[each for each in stable if each.published and each.published <= now],
        )
        polls.append(
            Poll(now=now, pinned=pin.version, offers=offers, proposals=proposals, choice=choice)
        )
        if choice.chosen:
            if not proposals.waiting:
                reviewer.opened = now
            proposals = replace(
                proposals, version=choice.chosen.version, last=reviewer.opened, waiting=True
            )
    return polls


def _answered(proposals: Proposals, pin: Pin, reviewer: Reviewer) -> tuple[Proposals, Pin]:
    version = proposals.version
    assert version is not None
    if reviewer.closes:
        reviewer.closes -= 1
        return replace(proposals, waiting=False, closed=proposals.closed | {version}), pin
    return replace(proposals, waiting=False), history.pin(version, holds=pin.holds)


def number(build: str) -> int:
    return int(build.removeprefix("b"))


def covered(decisions: Iterable[Decision], builds: Sequence[str]) -> list[str]:
    """The builds that decisions are about, one after the other; `builds` is newest first."""
    found: list[str] = []
    for decision in decisions:
        first = builds.index(decision.version)
        run = builds[first : first + decision.releases]
        assert run[-1] == (decision.oldest or decision.version)
        found += run
    return found


REVIEWERS = {
    "prompt": Reviewer(after=1),
    "slow": Reviewer(after=12),
    "never": Reviewer(after=None),
    "closes": Reviewer(after=2, closes=4),
}
POLICIES = {
    "default": Policy(),
    "daily": Policy(propose="daily", cooldown_hours=6),
    "100 builds": Policy(propose=EveryBuilds(every_builds=100)),
    "10 days": Policy(propose="10 days", cooldown_hours=240),
}


@pytest.mark.parametrize(
    ("who", "how"),
    [
        ("prompt", "default"),
        ("prompt", "daily"),
        ("closes", "100 builds"),
        ("closes", "daily"),
        ("slow", "10 days"),
        ("never", "default"),
    ],
)
def test_every_day_is_sensible_whoever_reviews_and_however_eager_the_app_is(
    who: str, how: str
) -> None:
    policy = POLICIES[how]
    polls = replay(replace(REVIEWERS[who]), policy=policy)

    for poll in polls:
        listed = (offer.version.text for offer in poll.offers)
        newer = [build for build in listed if number(build) > number(poll.pinned)]
        newer.sort(key=number, reverse=True)
        said = poll.choice.decisions
        # Nothing is passed over in silence, nothing is told twice, and all with a reason.
        assert covered(said, newer) == newer
        assert all(decision.reason for decision in said)
        assert [each.version for each in said if each.chosen] == (
            [poll.chosen] * (bool(poll.chosen))
        )
        sound = [
            build
            for build in newer
            if build not in history.PARTIAL
            and number(build) > max(map(number, poll.proposals.closed), default=0)
            and poll.now - history.published()[build] >= timedelta(hours=policy.cooldown_hours)
        ]
        if poll.chosen is not None:
            assert poll.chosen == sound[0]
            assert number(poll.chosen) > number(poll.pinned)
        else:
            assert poll.choice.postponed is not None or not sound
            assert poll.choice.postponed is None or poll.choice.postponed.reason
    pins = [number(poll.pinned) for poll in polls]
    assert pins == sorted(pins)


@pytest.mark.parametrize("who", ["slow", "never"])
def test_a_clock_that_errs_by_days_takes_no_proposal_back(who: str) -> None:
    polls = replay(
        replace(REVIEWERS[who]),
        policy=POLICIES["daily"],
        last=history.FIRST + 40 * DAY,
        clock=lambda now: now + (now.day % 5 - 2) * DAY,
    )

    for poll in polls:
        if poll.proposals.waiting:
            assert poll.chosen is not None
            assert number(poll.chosen) >= number(str(poll.proposals.version))
    pins = [number(poll.pinned) for poll in polls]
    assert pins == sorted(pins)
    assert len({poll.chosen for poll in polls}) > 10


def test_by_default_a_prompt_reviewer_gets_a_pull_request_every_week() -> None:
    polls = replay(Reviewer(after=1))
    dense = [poll for poll in polls if poll.now < datetime(2026, 8, 23, tzinfo=UTC)]
    opened = [poll.now for poll in dense if poll.opened]

    assert {later - earlier for earlier, later in itertools.pairwise(opened)} == {7 * DAY}
    assert len(opened) == 13
    ages = [poll.choice.standing.age_days for poll in dense]
    assert max(age for age in ages if age is not None) <= 3 + 7 + 1


def test_by_builds_at_least_so_many_lie_between_two_proposals() -> None:
    polls = replay(Reviewer(after=1), policy=POLICIES["100 builds"])
    proposed = [poll.chosen for poll in polls if poll.opened and poll.chosen]
    order = list(history.published())
    gaps = [
        order.index(later) - order.index(earlier) for earlier, later in itertools.pairwise(proposed)
    ]

    assert len(gaps) >= 7
    assert min(gaps) >= 100


def test_a_pull_request_that_nobody_answers_is_one_and_follows_the_releases() -> None:
    polls = replay(Reviewer(after=None))

    assert sum(poll.opened for poll in polls) == 1
    assert len({poll.chosen for poll in polls if poll.chosen}) > 80


def test_after_one_was_closed_only_newer_ones_are_chosen() -> None:
    polls = replay(Reviewer(after=1, closes=3))
    closed: frozenset[str] = polls[-1].proposals.closed

    assert len(closed) == 3
    for poll in polls:
        newest = max(map(number, poll.proposals.closed), default=0)
        assert poll.chosen is None or number(poll.chosen) > newest


@pytest.mark.parametrize("build", history.PARTIAL)
def test_a_release_that_stays_incomplete_gives_way_to_the_one_before(build: str) -> None:
    ripe = history.published()[build] + timedelta(hours=72)
    younger = [other for other, at in history.published().items() if at > ripe - 3 * DAY]
    now = max(ripe, history.published()[build] + 3 * DAY) + timedelta(minutes=1)

    def without_younger(at: datetime) -> list[Offer]:
        return [offer for offer in history.offers(at) if offer.version.text not in younger]

    choice = choose(
        without_younger(now),
        history.pin(START),
        policy=Policy(),
        now=now,
        files=lambda offer: offer.assets,
    )
    order = list(history.published())

    assert choice.chosen is not None
    assert choice.chosen.version == order[order.index(build) - 1]
    assert choice.decisions[0].reason == "no file for macos-arm64"


def test_the_list_of_july_14_that_counted_as_text_puts_9999_first() -> None:
    now = datetime(2026, 7, 17, 23, 0, tzinfo=UTC)
    listed = ["b9999", "b9996", "b9995", "b9994", "b10012"]
    offers = {offer.version.text: offer for offer in history.offers(now)}
    choice = choose(
        [offers[build] for build in listed],
        history.pin("b9994"),
        policy=Policy(),
        now=now,
        files=lambda offer: offer.assets,
    )

    assert choice.chosen is not None
    assert choice.chosen.version == "b10012"
    assert [each.version for each in choice.decisions] == ["b10012", "b9999", "b9996", "b9995"]


def test_nobody_is_stuck_when_the_newest_release_becomes_one_without_programs() -> None:
    """From August 21 on, others stayed at b10549: the latest release was v0.2.0."""

    def with_stable(now: datetime) -> list[Offer]:
        named = [
            replace(history.offers(now)[0], version=version(each.name), published=each.published)
            for each in STABLE
            if each.published and each.published <= now
        ]
        return [*named, *history.offers(now)]

    polls = replay(Reviewer(after=1), policy=POLICIES["daily"], offered=with_stable)
    later = [poll for poll in polls if poll.now >= datetime(2026, 8, 21, tzinfo=UTC)]

    assert all(number(each.version) for poll in later for each in poll.choice.decisions)
    assert max(number(poll.pinned) for poll in later) == 11146
    assert any(number(poll.pinned) > 10549 for poll in later if poll.now.month == 8)


def test_on_the_stable_channel_only_builds_that_a_stable_release_names_are_proposed() -> None:
    policy = Policy(channel="stable", propose="daily")
    polls = replay(Reviewer(after=1), policy=policy, stable=STABLE)

    assert list(dict.fromkeys(poll.pinned for poll in polls)) == [
        START,
        "b10566",
        "b10621",
        "b11146",
    ]
    for poll in polls:
        if poll.opened:
            release = next(each for each in STABLE if each.build == poll.chosen)
            assert release.published is not None
            assert poll.now - release.published >= 3 * DAY
    mid = next(poll for poll in polls if poll.now.date().isoformat() == "2026-09-12")
    told = {each.version: each.reason for each in mid.choice.decisions}
    assert told["v0.4.1"].startswith("leads to no build: it has no nightly-tag.txt")
    before = {each.reason for each in polls[30].choice.decisions}
    assert before == {"no stable release names it"}


def test_a_range_that_is_held_is_waited_out_and_left_at_its_end() -> None:
    polls = replay(Reviewer(after=1), policy=POLICIES["daily"], holds=[RAISED_FLOOR])
    pinned = [number(poll.pinned) for poll in polls]

    assert not any(9416 <= build <= 10267 for build in pinned)
    assert any(build >= 10268 for build in pinned)
    in_july = next(poll for poll in polls if poll.now.date().isoformat() == "2026-07-15")
    assert "held: needs macOS 26" in {each.reason for each in in_july.choice.decisions}


def test_a_pin_that_turns_out_to_be_held_is_left_at_once() -> None:
    hold = Hold(version="b9310", reason="an illegal instruction")
    now = datetime(2026, 6, 10, 6, 17, tzinfo=UTC)
    lately = Proposals(last=now - DAY)
    choices = [
        choose(
            history.offers(now),
            history.pin(START, holds=holds),
            policy=Policy(),
            now=now,
            files=lambda offer: offer.assets,
            proposals=lately,
        )
        for holds in ((), (hold,))
    ]

    assert choices[0].chosen is None
    assert choices[0].postponed is not None
    assert choices[0].postponed.reason.startswith("waits until 2026-06-16: one proposal in 7 days")
    assert choices[1].chosen is not None
    reason = next(each.reason for each in choices[1].decisions if each.chosen)
    assert reason == "candidate; it does not wait, since the pin is held: an illegal instruction"


# The package xllamacpp, in the order in which its versions came to the index.
PACKAGES = [
    "0.2.13",
    "0.2.14",
    "2026.4.8672",
    "2026.4.8672.1",
    "2026.4.8929",
    "2026.5.9093",
    "2026.5.9294",
    "2026.6.9538",
    "2026.6.9713",
    "2026.7.9873",
    "2026.7.10068",
    "2026.8.10229",
    "2026.8.10566",
    "2026.9.10809",
    "2026.9.11063",
    "2026.10.11549",
]


@pytest.mark.parametrize("rebuilds", ["never", "if_changed"])
def test_real_packages_are_taken_one_after_the_other_and_a_rebuild_as_the_app_wants(
    rebuilds: str,
) -> None:
    policy = Policy.model_validate({"rebuilds": rebuilds, "propose": "daily"})
    pinned, taken = PACKAGES[0], list[str]()
    for count in range(2, len(PACKAGES) + 1):
        made = choice(*map(offer, PACKAGES[:count]), of=pin(pinned), policy=policy)
        if made.chosen is not None:
            pinned = made.chosen.version
            taken.append(pinned)

    assert taken == [
        text for text in PACKAGES[1:] if rebuilds != "never" or text != "2026.4.8672.1"
    ]


def test_a_candidate_carries_the_real_hash_of_its_file() -> None:
    at = history.published()["b9781"]
    choice = choose(
        [offer for offer in history.offers(at + 3 * DAY) if (offer.published or at) <= at],
        history.pin(START),
        policy=Policy(),
        now=at + 3 * DAY,
        files=lambda offer: offer.assets,
    )

    assert choice.chosen is not None
    assert choice.chosen.version == "b9781"
    assert choice.chosen.assets["macos-arm64"].sha256 == (
        "50e822733750dbc368dad691c36ced5e1b7fee90d8e915924235c3e9362c9b88"
    )


def test_the_history_is_that_of_more_than_a_thousand_builds_in_order() -> None:
    builds = list(history.published().items())

    assert len(builds) > 1000
    assert builds == sorted(builds, key=lambda each: number(each[0]))
    assert [at for _, at in builds] == sorted(at for _, at in builds)
    assert len(history.hashes()) == 33
    assert history.commits()["b9781"] == "51eae8cfcac4"
