"""What upstream's history means to a choice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Policy, Wanted
from engine_ci.pins.model import Hold
from engine_ci.records.upstream import Names, Range, Unavailable, Upstream, UpstreamCommit
from engine_ci.releases.news import News, read
from engine_ci.releases.throttle import Proposals
from tests.unit.releases.build import NOW, choice, offer, pin, reasons, released

if TYPE_CHECKING:
    from engine_ci.records.candidate import Release

SILENT = Unavailable(reason="no answer")
WANTED = Wanted(architectures=("qwen4",), fixes=("26375",))
NOISE = "none of its 2 commits reaches the app's bundle"


def told(*relevant: bool, architectures: Names | Unavailable = SILENT) -> Upstream:
    """A range with a commit for each, the last of which mends something."""
    commits = [
        UpstreamCommit(
            id=f"{number:040x}",
            at=datetime(2026, 8, 4, tzinfo=UTC),
            subject=f"ci : something (#{26375 + number})",
            module="ci",
            relevant=each,
        )
        for number, each in enumerate(relevant)
    ]
    changes = Range(
        old="a" * 40,
        new="b" * 40,
        commits=tuple(commits),
        architectures=architectures,
        chat_formats=SILENT,
    )
    return Upstream(repository="https://example.org/x", range=changes, missed=SILENT)


def test_where_the_history_is_silent_nothing_arrived_and_nothing_is_noise() -> None:
    silent = Upstream(repository=None, range=SILENT, missed=SILENT)

    assert read(silent, wanted=WANTED) == News()


def test_what_is_wanted_is_found_among_commits_and_architectures() -> None:
    upstream = told(True, architectures=Names(gained=("qwen4",)))

    assert read(upstream, wanted=WANTED).arrived == (
        "the architecture qwen4 has arrived",
        "the fix 26375 has arrived with 000000000",
    )
    assert read(told(True), wanted=WANTED).arrived == ("the fix 26375 has arrived with 000000000",)


@pytest.mark.parametrize(
    ("relevant", "noise"),
    [((False, False), NOISE), ((False, True), None), ((True,), None), ((), None)],
)
def test_a_range_of_which_nothing_reaches_the_bundle_is_noise(
    relevant: tuple[bool, ...], noise: str | None
) -> None:
    assert read(told(*relevant), wanted=Wanted()).noise == noise


def test_noise_is_not_proposed_and_nothing_older_is_asked_about() -> None:
    asked: list[str] = []

    def ask(release: Release) -> News:
        asked.append(release.version)
        return News(noise=NOISE)

    made = choice(offer("b11200"), offer("b11199"), of=released(), ask_news=ask)

    assert (made.chosen, made.postponed) == (None, None)
    assert reasons(made) == {"b11200": NOISE, "b11199": "noise, as b11200 is"}
    assert asked == ["b11200"]


def test_a_pin_in_trouble_is_left_for_noise_too() -> None:
    hold = Hold(version="b11194", reason="dies")
    made = choice(offer("b11200"), of=released(holds=[hold]), ask_news=lambda _: News(noise=NOISE))

    assert made.chosen is not None


def test_a_package_may_be_built_otherwise_whatever_its_code_is() -> None:
    made = choice(offer("2026.4.8929"), of=pin("2026.4.8672"), ask_news=lambda _: News(noise=NOISE))

    assert made.chosen is not None


def test_what_waits_for_its_age_is_still_told_behind_noise() -> None:
    made = choice(
        offer("b11201", hours=1),
        offer("b11200", hours=100),
        of=released(),
        policy=Policy(),
        proposals=Proposals(last=NOW),
        ask_news=lambda _: News(noise=NOISE),
    )

    assert made.chosen is None
    assert made.postponed is not None
    assert made.postponed.version == "b11201"
