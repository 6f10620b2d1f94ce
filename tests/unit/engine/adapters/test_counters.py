from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.adapters import counters
from engine_ci.engine.adapters.contract import Metrics
from engine_ci.engine.answers import SlotState

TEXT = """\
# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 4
llamacpp:prompt_seconds_total 0.31
llamacpp:tokens_predicted_total 5
llamacpp:tokens_predicted_seconds_total 0.224
llamacpp:requests_deferred 2
llamacpp:n_busy_slots_per_decode nan
llamacpp:prompt_tokens_seconds -1
llamacpp:predicted_tokens_seconds inf
llamacpp:n_decode_total many
other:n_decode_total 3
"""
FRESH = SlotState(id=0, n_ctx=8, is_processing=False)
WORKED = SlotState(id=1, n_ctx=8, is_processing=True, id_task=3, n_prompt_tokens=7)
SILENT = SlotState(id=2, n_ctx=8, is_processing=False, id_task=4)


def test_counters_are_read_and_what_is_no_amount_is_left_out() -> None:
    assert counters.samples(TEXT) == {
        "prompt_tokens_total": 4,
        "prompt_seconds_total": 0.31,
        "tokens_predicted_total": 5,
        "tokens_predicted_seconds_total": 0.224,
        "requests_deferred": 2,
    }


def test_what_is_known_by_both_is_put_together() -> None:
    assert counters.metrics(counters.samples(TEXT), [FRESH, WORKED]) == Metrics(
        evaluated=4,
        generated=5,
        evaluating_s=0.31,
        generating_s=0.224,
        slots=2,
        busy=1,
        waiting=2,
        cached=7,
    )


def test_what_nobody_says_is_unknown_and_not_0() -> None:
    assert counters.metrics({}, None) == Metrics()
    assert counters.metrics({}, None, total=3) == Metrics(slots=3)


def test_a_slot_that_worked_and_does_not_say_what_it_holds_makes_that_unknown() -> None:
    assert counters.metrics({}, [FRESH, WORKED, SILENT]).cached is None
    assert counters.metrics({}, [FRESH]).cached == 0


@given(st.text())
def test_no_text_is_more_than_amounts(text: str) -> None:
    found = counters.samples(f"llamacpp:a {text}\n{text}")

    assert all(0 <= value < float("inf") for value in found.values())
