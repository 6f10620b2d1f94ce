"""The release that a person asks for need not wait, and no other is chosen in its place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine_ci.config import Policy
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import Refusal
from engine_ci.releases.news import News
from engine_ci.releases.throttle import Proposals
from tests.unit.releases.build import NOW, choice, offer, reasons, released

ASKED = "b11200"


def test_it_is_tried_at_once_whatever_it_would_wait_for_and_no_other_is() -> None:
    before = Proposals(last=NOW - timedelta(days=1), closed=frozenset({ASKED}))

    made = choice(
        offer("b11201", hours=500),
        offer(ASKED, hours=1),
        of=released(),
        policy=Policy(propose="weekly", cooldown_hours=72, channel="stable"),
        proposals=before,
        ask_news=lambda _: News(noise="noise"),
        asked=ASKED,
    )

    assert made.chosen is not None
    assert made.chosen.version == ASKED
    assert made.postponed is None
    assert reasons(made) == {
        ASKED: "candidate; it is asked for",
        "b11201": "b11200 is asked for",
    }


@pytest.mark.parametrize(
    ("hold", "refused", "missing", "reason"),
    [
        (True, False, False, "held: it leaks"),
        (False, True, False, "refused in this run: it died"),
        (False, False, True, "no file for macos-arm64"),
    ],
)
def test_what_speaks_against_it_for_good_still_does(
    hold: bool, refused: bool, missing: bool, reason: str
) -> None:
    holds = [Hold(version=ASKED, reason="it leaks")] if hold else []
    platforms = ("ubuntu-x64",) if missing else ()

    made = choice(
        offer(ASKED, *platforms),
        offer("b11199"),
        of=released(holds=holds),
        refused=[Refusal(version=ASKED, reason="it died")] if refused else [],
        asked=ASKED,
    )

    assert made.chosen is None
    assert reasons(made) == {ASKED: reason, "b11199": "b11200 is asked for"}


def test_a_person_may_ask_for_another_try_of_what_was_refused_before() -> None:
    made = choice(offer(ASKED), remembered=[Refusal(version=ASKED, reason="it died")], asked=ASKED)

    assert made.chosen is not None
    assert made.chosen.version == ASKED
