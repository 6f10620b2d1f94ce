"""Waits are taken from the server's own clock, whatever ours says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from engine_ci.system import rate_limit

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def after_s(status: int = 403, *, said: str = "", tried: int = 0, **headers: str) -> float | None:
    given = CaseInsensitiveDict({name.replace("_", "-"): text for name, text in headers.items()})
    found = rate_limit.setback(status, given, said=said, tried=tried)
    return None if found is None else found.after_s


@pytest.mark.parametrize("status", [200, 304, 401, 404, 500, 502, 503])
def test_only_a_refusal_can_be_a_rate_limit(status: int) -> None:
    assert after_s(status, said="rate limit", Retry_After="1") is None


def test_a_refusal_for_another_reason_is_none() -> None:
    assert after_s(said="Resource not accessible by integration") is None
    assert after_s(said="Forbidden", x_ratelimit_remaining="59") is None


@pytest.mark.parametrize("status", [403, 429])
def test_the_server_says_for_how_long(status: int) -> None:
    assert after_s(status, retry_after="7") == 7
    assert after_s(status, retry_after=date(NOON + timedelta(hours=1)), date=date(NOON)) == 3600


@given(skew=st.integers(-(10**8), 10**8), left=st.integers(0, 3600))
def test_a_used_up_limit_is_waited_for_by_the_clock_of_the_server(skew: int, left: int) -> None:
    there = NOON + timedelta(seconds=skew)
    reset = int((there + timedelta(seconds=left)).timestamp())

    waits = after_s(
        x_ratelimit_remaining="0", x_ratelimit_reset=str(reset), date=date(there), said="API rate"
    )

    assert waits == left + 1


def test_who_reads_is_told_when_to_come_back() -> None:
    reset = int((NOON + timedelta(minutes=34)).timestamp())
    headers = CaseInsensitiveDict(
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset), "Date": date(NOON)}
    )

    found = rate_limit.setback(403, headers, said="API rate limit exceeded")

    assert found is not None
    assert found.reason == "status 403, the rate limit is used up until 2026-11-21 12:34:00 UTC"


@pytest.mark.parametrize("reset", ["", "soon", "-5", "²", "9" * 12, "9" * 40])
def test_a_reset_that_makes_no_sense_is_a_minute(reset: str) -> None:
    assert after_s(x_ratelimit_remaining="0", x_ratelimit_reset=reset, date=date(NOON)) == 60


def test_without_a_clock_of_the_server_it_is_a_minute() -> None:
    assert after_s(x_ratelimit_remaining="0", x_ratelimit_reset="1795262400") == 60
    assert after_s(429, retry_after=date(NOON)) == 60


def test_a_secondary_limit_without_a_time_is_waited_for_longer_with_every_try() -> None:
    said = "You have exceeded a secondary rate limit."

    assert [after_s(said=said, tried=tried) for tried in range(3)] == [60, 120, 240]
    assert after_s(429) == 60


@given(text=st.text(max_size=40))
def test_no_header_is_too_odd(text: str) -> None:
    for name in ("retry_after", "date", "x_ratelimit_reset"):
        headers = {"x_ratelimit_remaining": "0", "date": date(NOON)} | {name: text}
        waits = after_s(429, said="", tried=0, **headers)
        assert waits is not None
        assert waits >= 0
