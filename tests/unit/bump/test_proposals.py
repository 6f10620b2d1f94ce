"""What was proposed before, read from pull requests."""

from __future__ import annotations

from datetime import UTC, datetime

from engine_ci.bump.proposals import made
from engine_ci.releases.throttle import Proposals
from engine_ci.system.github import PullRequest
from tests.unit.bump import records

MAY, JUNE, JULY = (datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6, 7))


def pull(
    version: str | None,
    at: datetime,
    *,
    opened: bool = False,
    merged: bool = False,
    pin: str = "llama.cpp",
) -> PullRequest:
    """One from our branch; with a text of somebody else where no version is given."""
    return PullRequest(
        number=1,
        url="",
        title="",
        body=f"words\n\n<!-- engine-ci: {pin} {version} -->" if version else "by hand",
        open=opened,
        merged=merged,
        draft=False,
        labels=(),
        created=at,
    )


def test_where_nothing_was_proposed_and_the_pin_never_moved_nothing_is_known() -> None:
    assert made((), pin=records.pin(), moved=None) == Proposals()


def test_where_nothing_was_proposed_the_move_of_the_pin_counts() -> None:
    assert made((), pin=records.pin(), moved=MAY) == Proposals(last=MAY)


def test_the_newest_proposal_counts_whatever_became_of_it() -> None:
    pulls = [pull("0.1.4", JULY, merged=True), pull("0.1.3", JUNE), pull("0.1.2", MAY)]

    assert made(pulls, pin=records.pin(), moved=None) == Proposals(
        last=JULY, version="0.1.4", closed=frozenset({"0.1.3", "0.1.2"})
    )


def test_a_move_by_hand_after_the_last_proposal_counts() -> None:
    found = made([pull("0.1.1", MAY, merged=True)], pin=records.pin(), moved=JUNE)

    assert found.last == JUNE


def test_the_merge_of_a_proposal_is_no_move_of_its_own() -> None:
    found = made([pull("0.1.2", MAY, merged=True)], pin=records.pin(), moved=JUNE)

    assert found.last == MAY


def test_an_open_proposal_waits_for_its_reviewer() -> None:
    found = made([pull("0.1.3", JUNE, opened=True)], pin=records.pin(), moved=None)

    assert found == Proposals(last=JUNE, version="0.1.3", waiting=True)


def test_what_others_wrote_and_other_pins_are_passed_over() -> None:
    pulls = [pull(None, JULY, opened=True), pull("0.1.9", JULY, pin="other")]

    assert made(pulls, pin=records.pin(), moved=None) == Proposals()
