from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.doctor import pin as about
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import Standing
from engine_ci.records.doctor import Outcome
from engine_ci.records.upstream import Missed, Unavailable, Upstream
from tests.unit.bump import records

if TYPE_CHECKING:
    from engine_ci.records.candidate import Candidate

NOW = records.NOW
TODAY = NOW.date()
DAY = timedelta(days=1)


def hold(days: int | None) -> Hold:
    """One that counts so many days more."""
    until = None if days is None else TODAY + days * DAY
    return Hold(version="0.1.4", reason="aborts", until=until)


def test_a_pin_needs_a_file_for_every_platform_of_the_configuration() -> None:
    pin = records.pin()

    whole = about.complete(pin, platforms=["ubuntu-x64"])
    gap = about.complete(pin, platforms=["ubuntu-x64", "windows-x64", "windows-arm64"])

    assert (whole.outcome, whole.hint) == (Outcome.OK, "")
    assert (gap.outcome, gap.observed) == (
        Outcome.FAIL,
        "no file for windows-x64, windows-arm64",
    )


@pytest.mark.parametrize(
    ("days", "outcome"), [(0, Outcome.OK), (30, Outcome.OK), (31, Outcome.WARN)]
)
def test_a_pin_of_more_than_a_month_is_old(days: int, outcome: Outcome) -> None:
    found = about.age(NOW - days * DAY, now=NOW)

    assert found.outcome is outcome
    assert found.observed == f"moved {days} days ago, on {(NOW - days * DAY).date()}"
    assert bool(found.hint) == (outcome is Outcome.WARN)


def test_a_pin_without_history_is_of_unknown_age() -> None:
    assert about.age(None, now=NOW).outcome is Outcome.UNKNOWN


def test_what_detect_found_says_how_far_behind_the_pin_is() -> None:
    candidate = records.candidate(standing=Standing(behind=3))

    found = about.behind(candidate, pin=records.pin(), now=NOW + 7 * DAY)

    assert (found.outcome, found.hint) == (Outcome.OK, "")
    assert found.observed == f"3 releases behind, on {TODAY}"


def test_an_old_record_of_detect_is_shown_and_called_old() -> None:
    found = about.behind(records.candidate(), pin=records.pin(), now=NOW + 8 * DAY)

    assert found.outcome is Outcome.WARN
    assert "this is old" in found.hint


def seen(missed: Missed | Unavailable) -> Candidate:
    """What `detect` left after it asked upstream."""
    unasked = Unavailable(reason="nothing is chosen")
    return records.candidate(upstream=Upstream(range=unasked, missed=missed))


def test_models_that_only_newer_engines_load_are_named() -> None:
    missed = Missed(tip="0" * 40, at=NOW, architectures=("lfm2", "qwen3next"))
    none = missed.model_copy(update={"architectures": ()})

    found = about.architectures(seen(missed), pin=records.pin())

    assert found.outcome is Outcome.WARN
    assert found.observed == "not known to this engine: lfm2, qwen3next"
    assert about.architectures(seen(none), pin=records.pin()).outcome is Outcome.OK


def test_models_that_nobody_asked_upstream_for_are_not_known() -> None:
    candidate = seen(Unavailable(reason="the configuration names no repository"))

    found = about.architectures(candidate, pin=records.pin())

    assert found.outcome is Outcome.UNKNOWN
    assert found.observed == "the configuration names no repository"


def test_a_pin_that_ought_to_be_left_fails_with_the_reasons() -> None:
    held = records.candidate(standing=Standing(behind=1, troubles=("held: aborts", "withdrawn")))

    found = about.trouble(held, pin=records.pin())

    assert (found.outcome, found.observed) == (Outcome.FAIL, "held: aborts; withdrawn")
    assert about.trouble(records.candidate(), pin=records.pin()).outcome is Outcome.OK


@pytest.mark.parametrize("candidate", [None, records.candidate()], ids=["none", "an older one"])
def test_where_detect_left_nothing_nothing_is_known(candidate: Candidate | None) -> None:
    behind = about.behind(None, pin=records.pin(), now=NOW)
    trouble = about.trouble(None, pin=records.pin())
    missed = about.architectures(candidate, pin=records.pin())

    assert {behind.outcome, trouble.outcome, missed.outcome} == {Outcome.UNKNOWN}
    assert "`detect` left nothing about llama.cpp 0.1.2" in missed.observed


@pytest.mark.parametrize(
    ("days", "ended", "ends"),
    [
        (-1, Outcome.WARN, Outcome.OK),
        (0, Outcome.OK, Outcome.WARN),
        (14, Outcome.OK, Outcome.WARN),
        (15, Outcome.OK, Outcome.OK),
        (None, Outcome.OK, Outcome.OK),
    ],
)
def test_holds_that_have_ended_or_will_soon_are_told(
    days: int | None, ended: Outcome, ends: Outcome
) -> None:
    held = [hold(days)]

    assert about.expired(held, today=TODAY).outcome is ended
    assert about.ending(held, today=TODAY).outcome is ends


def test_a_hold_is_told_with_its_day_and_reason() -> None:
    assert about.expired([hold(-3)], today=TODAY).observed == (f"0.1.4, {TODAY - 3 * DAY}: aborts")
    assert about.ending([], today=TODAY).observed == "none ends soon"
