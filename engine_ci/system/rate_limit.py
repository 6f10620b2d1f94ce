"""Pure. How long GitHub wants a reader to wait, by the headers of a refusal.

Times of day are taken against the server's own `Date`: this machine's clock may be wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from engine_ci.system import setbacks
from engine_ci.system.setbacks import Setback

if TYPE_CHECKING:
    from collections.abc import Mapping

# What GitHub's documentation asks for where its answer names no time, doubled with every try.
_UNNAMED_S: Final = 60.0
_LIMITS: Final = {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
_LAST_MOMENT: Final = 253402300799  # of the year 9999, the latest that can be told


def setback(
    status: int, headers: Mapping[str, str], *, said: str, tried: int = 0
) -> Setback | None:
    """The setback of a rate limit, primary or secondary; None for any other answer.

    Args:
        status: of HTTP.
        headers: of the answer, found by names in any case.
        said: the message in its body.
        tried: how often this was met before.
    """
    if status not in _LIMITS:
        return None
    reason = f"status {status}, a rate limit"
    asked = setbacks.after_s(headers)
    if asked is not None:
        return Setback(reason=reason, status=status, after_s=asked)
    if headers.get("X-RateLimit-Remaining") == "0":
        return _used_up(status, headers)
    if status == HTTPStatus.TOO_MANY_REQUESTS or "rate limit" in said.lower():
        return Setback(reason=reason, status=status, after_s=_UNNAMED_S * 2**tried)
    return None


def _used_up(status: int, headers: Mapping[str, str]) -> Setback:
    """All requests of the hour were made; they come back at a time of the server's clock."""
    now = setbacks.moment(headers.get("Date", ""))
    text = headers.get("X-RateLimit-Reset", "")
    reset = int(text) if text.isascii() and text.isdecimal() and len(text) < len("1" * 13) else None
    reason = f"status {status}, the rate limit is used up"
    if now is None or reset is None or reset > _LAST_MOMENT:
        return Setback(reason=reason, status=status, after_s=_UNNAMED_S)
    until = datetime.fromtimestamp(reset, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    # A second more, for what rounding took.
    return Setback(
        reason=f"{reason} until {until}", status=status, after_s=max(0.0, reset - now) + 1
    )
