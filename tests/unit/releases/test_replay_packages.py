"""Half a year of a real package of llama.cpp, polled once a day: what would have been proposed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Policy
from engine_ci.releases.choose import Choice, choose
from engine_ci.releases.throttle import Proposals
from tests.unit.releases import history, packages
from tests.unit.releases.build import version
from tests.unit.releases.test_replay import covered

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, LAST = datetime(2026, 2, 16, 6, 17, tzinfo=UTC), datetime(2026, 8, 14, 6, 17, tzinfo=UTC)
START = "0.8054"


@dataclass(frozen=True, kw_only=True)
class Poll:
    """One day."""

    now: datetime
    pinned: str
    listed: list[str]
    choice: Choice


def replay(policy: Policy, *, dated: bool) -> Iterator[Poll]:
    """Every day's poll, where a person merges what is proposed on the same day."""
    pinned, proposals = START, Proposals()
    for now in history.days(FIRST, LAST):
        offers = packages.offers(now, dated=dated)
        choice = choose(
            offers,
            packages.pin(pinned),
            policy=policy,
            now=now,
            files=packages.files,
            proposals=proposals,
        )
        listed = [offer.version.text for offer in offers]
        yield Poll(now=now, pinned=pinned, listed=listed, choice=choice)
        if choice.chosen:
            pinned = choice.chosen.version
            proposals = Proposals(last=now, version=pinned)


def taken(policy: Policy, *, dated: bool = False) -> list[str]:
    """The versions that were proposed, one after the other."""
    polls = replay(policy, dated=dated)
    return [poll.choice.chosen.version for poll in polls if poll.choice.chosen]


def test_the_history_is_that_of_more_than_forty_real_builds() -> None:
    every = list(packages.all_of_them().values())

    assert len({version(each.version).build for each in every}) == 43
    assert len({each.asset.sha256 for each in every}) == len(every) == 44
    assert all(each.committed < each.packed for each in every)
    assert [each.packed for each in every] == sorted(each.packed for each in every)


@pytest.mark.parametrize("dated", [False, True], ids=["as pip tells", "with their dates"])
@pytest.mark.parametrize("propose", ["daily", "weekly"])
def test_every_day_is_sensible(propose: str, *, dated: bool) -> None:
    policy = Policy.model_validate({"propose": propose})
    for poll in replay(policy, dated=dated):
        current = version(poll.pinned).order
        newer = [text for text in poll.listed if version(text).order > current]
        newer.sort(key=lambda text: version(text).order, reverse=True)
        ripe = [
            text
            for text in newer
            if not dated or poll.now - packages.all_of_them()[text].packed >= timedelta(hours=72)
        ]
        # Nothing is passed over in silence, and nothing that is chosen is older than the pin.
        assert covered(poll.choice.decisions, newer) == newer
        chosen = poll.choice.chosen
        if chosen is None:
            assert (poll.choice.postponed is not None) == bool(newer)
        else:
            assert chosen.version == ripe[0]
            real = packages.all_of_them()[chosen.version].asset
            assert chosen.assets == {packages.PLATFORM: real}


def test_who_looks_daily_gets_every_real_build_in_its_order() -> None:
    # On the day of 0.10330, the same build was packaged again.
    passed_over = (START, "0.10330")
    expected = [text for text in packages.all_of_them() if text not in passed_over]

    assert taken(Policy(propose="daily")) == expected


@pytest.mark.parametrize(
    ("rebuilds", "chosen"), [("never", None), ("if_changed", "0.10330.2"), ("always", "0.10330.2")]
)
def test_a_build_that_was_packaged_again_is_taken_as_the_app_wants(
    rebuilds: str, chosen: str | None
) -> None:
    made = choose(
        packages.offers(datetime(2026, 8, 9, tzinfo=UTC), dated=False),
        packages.pin("0.10330"),
        policy=Policy.model_validate({"rebuilds": rebuilds}),
        now=datetime(2026, 8, 9, tzinfo=UTC),
        files=packages.files,
    )

    assert (made.chosen.version if made.chosen else None) == chosen
    assert [each.version for each in made.decisions] == ["0.10330.2"]
