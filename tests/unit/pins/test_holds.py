from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import UsageError
from engine_ci.pins import holds
from engine_ci.pins.model import Hold
from tests.unit.bump import records

TODAY = date(2026, 11, 21)
NAMES = st.sampled_from(["b11194", "0.1.4", "b11000..b11100", "..0.2.0"])
HOLDS = st.builds(Hold, version=NAMES, reason=st.sampled_from(["dies", "loses a flag"]))


def test_a_hold_comes_after_those_that_are_there() -> None:
    first, second = Hold(version="0.1.4", reason="dies"), Hold(version="0.1.5", reason="too")
    pin = holds.add(holds.add(records.pin(), first, today=TODAY), second, today=TODAY)

    assert pin == records.pin(holds=(first, second))


def test_a_hold_of_the_same_versions_is_replaced() -> None:
    old, new = Hold(version="0.1.4", reason="dies"), Hold(version="0.1.4", reason="still dies")
    pin = holds.add(records.pin(holds=(old,)), new, today=TODAY)

    assert pin.holds == (new,)


def test_a_hold_that_would_have_ended_is_refused() -> None:
    late = Hold(version="0.1.4", reason="dies", until=TODAY - timedelta(days=1))
    with pytest.raises(UsageError, match="a hold until 2026-11-20 has ended already") as caught:
        holds.add(records.pin(), late, today=TODAY)

    assert caught.value.exit_code == 2
    today = late.model_copy(update={"until": TODAY})
    assert holds.add(records.pin(), today, today=TODAY).holds == (today,)


@pytest.mark.parametrize(
    ("held", "listed"),
    [((), "nothing"), (("0.1.4", "b1..b2"), "0.1.4, b1..b2")],
)
def test_only_what_is_held_can_be_let_go(held: tuple[str, ...], listed: str) -> None:
    pin = records.pin(holds=tuple(Hold(version=each, reason="dies") for each in held))
    with pytest.raises(UsageError) as caught:
        holds.remove(pin, "0.1.5")

    assert str(caught.value) == f"pin llama.cpp: no hold of `0.1.5`; held are: {listed}"


@given(st.lists(HOLDS, unique_by=lambda hold: hold.version, max_size=3), HOLDS)
def test_what_is_added_and_taken_away_leaves_the_others_as_they_were(
    before: list[Hold], hold: Hold
) -> None:
    pin = records.pin(holds=tuple(before))
    after = holds.remove(holds.add(pin, hold, today=TODAY), hold.version)

    assert after.holds == tuple(each for each in before if each.version != hold.version)
    assert after.model_copy(update={"holds": pin.holds}) == pin
