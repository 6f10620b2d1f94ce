"""Prometheus' own reader takes what is written, and finds the same numbers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from engine_ci.engine.prometheus import HEALTH, METRICS, text
from engine_ci.records.runtime import Grade, Measured

FULL = Measured(
    health=Grade.DEGRADED,
    load_s=0.25,
    start_s=0.5,
    first_token_s=0.0625,
    tokens_per_s=120.0,
    queue_wait_s=0.5,
    restarts=2,
    resident=2048,
    anonymous=1024,
)
seconds = st.none() | st.floats(0, 1e9)
engines = st.dictionaries(
    st.text(),
    st.builds(
        Measured,
        health=st.sampled_from(Grade),
        load_s=seconds,
        start_s=seconds,
        first_token_s=seconds,
        tokens_per_s=seconds,
        queue_wait_s=seconds,
        restarts=st.integers(0, 10**6),
        resident=st.none() | st.integers(0, 2**53),
        anonymous=st.none() | st.integers(0, 2**53),
    ),
    max_size=3,
)


def read(written: str) -> dict[tuple[str, str], float]:
    """By metric and engine, without the health."""
    return {
        (sample.name, sample.labels["engine"]): sample.value
        for family in text_string_to_metric_families(written)
        for sample in family.samples
        if sample.name != HEALTH
    }


def test_every_number_is_written_under_its_name() -> None:
    found = read(text({"small": FULL}))
    assert found == {
        ("runtime_load_seconds", "small"): 0.25,
        ("runtime_start_seconds", "small"): 0.5,
        ("runtime_first_token_seconds", "small"): 0.0625,
        ("runtime_tokens_per_sec", "small"): 120.0,
        ("runtime_queue_wait_ms", "small"): 500.0,
        ("runtime_restarts_total", "small"): 2.0,
        ("runtime_resident_bytes", "small"): 2048.0,
        ("runtime_anonymous_bytes", "small"): 1024.0,
    }


def test_a_counter_is_one() -> None:
    kinds = {
        family.name: family.type for family in text_string_to_metric_families(text({"a": FULL}))
    }
    assert kinds["runtime_restarts"] == "counter"
    assert kinds["runtime_tokens_per_sec"] == "gauge"


def test_of_one_health_alone_it_is_true() -> None:
    (family,) = (
        found for found in text_string_to_metric_families(text({"a": FULL})) if found.name == HEALTH
    )
    assert {sample.labels["health"]: sample.value for sample in family.samples} == {
        "ok": 0.0,
        "degraded": 1.0,
        "down": 0.0,
    }


def test_of_no_engine_nothing_is_said() -> None:
    assert text({}) == ""


@given(engines)
def test_whatever_is_measured_is_read_back(measured: dict[str, Measured]) -> None:
    found = read(text(measured))
    expected = {
        (metric.name, name): metric.of(each)
        for metric in METRICS
        for name, each in measured.items()
    }
    known = {key: value for key, value in expected.items() if value is not None}
    assert found.keys() == known.keys()
    assert all(math.isclose(found[key], value) for key, value in known.items())
