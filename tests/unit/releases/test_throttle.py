"""When there may be another proposal."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.config import EveryBuilds, Interval, Policy
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import Postponed, Release
from engine_ci.releases.news import News
from engine_ci.releases.throttle import Proposals, postponed
from tests.unit.releases.build import NOW, choice, offer, reasons, released

RELEASE = Release(version="b11200", build=11200)


def due(last: datetime | None, *, propose: Interval = "weekly") -> date | None:
    """The day that is waited for."""
    found = postponed(
        RELEASE, newer=["b11200"], proposals=Proposals(last=last), propose=propose, now=NOW
    )
    return found.until.date() if found and found.until else None


@pytest.mark.parametrize(
    ("propose", "ago", "waits"),
    [
        ("daily", 0, True),
        ("daily", 1, False),
        ("weekly", 6, True),
        ("weekly", 7, False),
        ("10 days", 9, True),
        ("10 days", 10, False),
        ("1 days", 1, False),
    ],
)
def test_a_proposal_waits_for_its_interval_to_pass(
    propose: Interval, ago: int, waits: bool
) -> None:
    assert (due(NOW - timedelta(days=ago), propose=propose) is not None) is waits


def test_a_schedule_that_runs_a_little_early_does_not_lose_a_week() -> None:
    later_in_the_day = NOW - timedelta(days=7) + timedelta(hours=17)

    assert due(later_in_the_day) is None


def test_days_are_those_of_utc_wherever_the_clock_stands() -> None:
    east = timezone(timedelta(hours=14))
    # There it is the 15th already.
    last = datetime(2026, 11, 15, 1, 0, tzinfo=east)

    assert due(last) is None
    assert due(last + timedelta(days=1)) == date(2026, 11, 22)


def test_nothing_is_waited_for_when_nothing_was_proposed() -> None:
    assert due(None) is None


def test_a_clock_that_was_years_ahead_does_not_stop_proposals_for_years() -> None:
    assert due(NOW + timedelta(days=400)) is None
    assert due(NOW + timedelta(hours=3)) == date(2026, 11, 28)


def test_the_words_name_the_day_and_the_last_proposal() -> None:
    made = choice(
        offer("b11200", hours=100),
        of=released(),
        policy=Policy(),
        proposals=Proposals(last=NOW - timedelta(days=2)),
    )

    assert made.chosen is None
    assert made.postponed is not None
    assert made.postponed.version == "b11200"
    assert reasons(made) == {
        "b11200": (
            "eligible, and waits until 2026-11-26: one proposal in 7 days, "
            "the last was on 2026-11-19"
        )
    }


def test_an_open_pull_request_is_brought_up_to_date_whenever_there_is_something() -> None:
    proposals = Proposals(last=NOW, version="b11195", waiting=True)
    made = choice(offer("b11200", hours=100), of=released(), policy=Policy(), proposals=proposals)

    assert made.chosen is not None


@pytest.mark.parametrize(
    ("least", "last", "said"),
    [
        (5, None, None),
        (6, None, "waits for 1 more builds: 5 came since the pin, 6 are asked for"),
        (3, "b11197", None),
        (4, "b11197", "waits for 1 more builds: 3 came since b11197 was proposed, 4 are asked for"),
        (1, "b11200", "waits for 1 more builds: 0 came since b11200 was proposed, 1 are asked for"),
        (6, "b11000", "waits for 1 more builds: 5 came since the pin, 6 are asked for"),
    ],
)
def test_by_builds_those_since_the_last_proposal_or_the_pin_are_counted(
    least: int, last: str | None, said: str | None
) -> None:
    found = postponed(
        RELEASE,
        newer=[f"b{number}" for number in range(11200, 11195, -1)],
        proposals=Proposals(last=NOW, version=last),
        propose=EveryBuilds(every_builds=least),
        now=NOW,
    )

    assert (found.reason if found else None) == said
    assert found is None or found.until is None


def test_by_builds_one_older_than_the_last_proposal_is_not_what_came_since() -> None:
    proposals = Proposals(last=NOW, version="b11200")
    hold = Hold(version="b11200", reason="it was merged, and taken back")
    made = choice(
        *(offer(f"b{number}", hours=100) for number in range(11195, 11201)),
        of=released(holds=[hold]),
        policy=Policy(propose=EveryBuilds(every_builds=3)),
        proposals=proposals,
    )

    assert made.chosen is None
    assert made.postponed is not None
    assert made.postponed.reason == (
        "waits for 3 more builds: 0 came since b11200 was proposed, 3 are asked for"
    )


def test_builds_that_are_newer_than_the_one_to_propose_do_not_count() -> None:
    old = [offer(f"b{number}", hours=100) for number in range(11195, 11200)]
    young = [offer(f"b{number}", hours=1) for number in range(11200, 11210)]
    policy = Policy(propose=EveryBuilds(every_builds=6))
    made = choice(*old, *young, of=released(), policy=policy)

    assert made.chosen is None
    assert made.postponed is not None
    assert made.postponed.version == "b11199"
    assert "5 came since the pin" in made.postponed.reason


HELD = Hold(version="b11194", reason="an illegal instruction")


@pytest.mark.parametrize(
    ("holds", "arrived", "why"),
    [
        ((HELD,), (), "the pin is held: an illegal instruction"),
        ((), ("the architecture qwen4 has arrived",), "the architecture qwen4 has arrived"),
        ((), ("the fix #1 has arrived", "and #2"), "the fix #1 has arrived; and #2"),
    ],
)
def test_a_reason_to_hurry_overrides_the_interval_and_is_told(
    holds: tuple[Hold, ...], arrived: tuple[str, ...], why: str
) -> None:
    made = choice(
        offer("b11200", hours=100),
        of=released(holds=holds),
        policy=Policy(),
        proposals=Proposals(last=NOW),
        ask_news=lambda _: News(arrived=arrived),
    )

    assert made.chosen is not None
    assert made.postponed is None
    assert reasons(made) == {"b11200": f"candidate; it does not wait, since {why}"}


@given(
    st.integers(0, 400 * 86400).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    st.integers(1, 400),
)
def test_who_waits_is_let_through_on_the_day_that_was_named(last: datetime, days: int) -> None:
    proposals, propose = Proposals(last=last), f"{days} days"

    def waits(now: datetime) -> Postponed | None:
        return postponed(RELEASE, newer=(), proposals=proposals, propose=propose, now=now)

    found = waits(NOW)
    if found is not None:
        assert found.until is not None
        assert found.until > NOW
        assert waits(found.until) is None
        assert waits(found.until - timedelta(seconds=1)) is not None
