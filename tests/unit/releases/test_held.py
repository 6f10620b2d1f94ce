from __future__ import annotations

from datetime import date, timedelta

import pytest

from engine_ci.errors import PinError
from engine_ci.pins.model import Hold
from engine_ci.releases.held import held
from tests.unit.releases.build import pin, version

TODAY = date(2026, 11, 21)
OVER = Hold(version="0.1.0..", reason="over", until=TODAY - timedelta(days=1))
RANGE = Hold(version="0.1.3..0.1.5", reason="loses a flag")
ONE = Hold(version="0.1.4", reason="does not start")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.1.2", None), ("0.1.3", RANGE), ("0.1.4", RANGE), ("0.1.5", RANGE), ("0.2.0", None)],
)
def test_the_first_hold_that_counts_and_means_a_version_is_found(
    text: str, expected: Hold | None
) -> None:
    assert held(pin(holds=[OVER, RANGE, ONE]), version(text), on=TODAY) == expected


def test_a_build_that_is_held_is_held_in_every_package() -> None:
    hold = Hold(version="b8672", reason="an illegal instruction")
    pinned = pin("2026.4.8566", holds=[hold])

    assert held(pinned, version("2026.4.8672"), on=TODAY) == hold
    assert held(pinned, version("2026.4.8672.1"), on=TODAY) == hold
    assert held(pinned, version("2026.4.8929"), on=TODAY) is None


def test_a_hold_that_means_nothing_is_told_with_the_pin_and_never_ignored() -> None:
    hold = Hold(version="nightly", reason="all of them")
    with pytest.raises(PinError) as caught:
        held(pin(holds=[hold]), version("0.1.3"), on=TODAY)

    assert str(caught.value) == (
        "pin llama.cpp: the hold of `nightly`: `nightly` is neither a version nor a build number"
    )
    assert caught.value.exit_code == 2
    assert caught.value.hint is not None
