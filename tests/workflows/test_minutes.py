"""What the docs say of the cost follows from the figures, and keeps the limits."""

from __future__ import annotations

import pytest

from benchmarks import minutes
from benchmarks.minutes import ATTEMPT, BUMP, CHANGE, EVENTS, NOISY, OLDEST
from engine_ci.bump import jobs as known
from engine_ci.config import ALL_SUITES, Policy
from engine_ci.gate.profiles import PROFILES
from tests.workflows.files import ROOT, shipped

WORKFLOWS = ("engine-gate", "engine-bump")
MACS = {
    name: job
    for workflow in WORKFLOWS
    for name, job in shipped(workflow)["jobs"].items()
    if "macos" in str(job.get("runs-on")).casefold()
}
LONGEST = {
    "attempt": ATTEMPT + minutes.TRIES * minutes.REFUSED,
    "oldest": OLDEST,
    **dict.fromkeys(("gate", "again", "metal"), NOISY),
}


@pytest.mark.parametrize("table", [minutes.parts_table(), minutes.events_table()])
def test_the_docs_have_the_tables_that_follow_from_the_figures(table: str) -> None:
    assert f"\n\n{table}\n\n" in (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rate", [minutes.RATE, minutes.RATE / 2])
def test_an_ordinary_change_and_a_bump_stay_within_their_limits(rate: float) -> None:
    assert 0 < CHANGE.minutes(rate=rate) <= minutes.ORDINARY_LIMIT
    assert 0 < BUMP.minutes(rate=rate) <= minutes.BUMP_LIMIT


def test_every_job_on_a_mac_is_counted_but_that_on_a_mac_of_ones_own() -> None:
    counted = {name for event in EVENTS for name, _ in event.jobs}

    assert counted | {"metal"} == set(MACS)


def test_what_is_counted_is_what_is_asked() -> None:
    left_out = set(ALL_SUITES) - set(known.asks(known.OLDEST, ALL_SUITES))

    assert left_out == {"real", "performance"}
    assert not known.fetches(known.OLDEST)
    assert (minutes.MODEL in OLDEST, minutes.SPEED in OLDEST) == (False, False)
    assert Policy().tries == minutes.TRIES


def test_the_figures_of_speed_are_for_the_looks_that_the_profiles_have() -> None:
    one = minutes.SCREEN.seconds / 8
    quick, screen = PROFILES["quick"].looks, PROFILES["screen"].looks

    assert minutes.SCREEN.seconds == screen[-1] * one
    assert minutes.NOISE.seconds == quick[-1] * one
    assert quick[0] * one <= minutes.SPEED.seconds <= quick[1] * one


@pytest.mark.parametrize("name", MACS)
def test_a_job_is_stopped_when_it_takes_three_times_as_long_as_its_longest(name: str) -> None:
    limit = 60 * int(MACS[name]["timeout-minutes"])

    assert 3 * minutes.seconds(LONGEST[name]) <= limit <= 60 * 60
