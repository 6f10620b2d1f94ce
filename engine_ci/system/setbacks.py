"""Pure. Why a try to read something came to nothing, and how long to wait for the next one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from engine_ci.errors import NO_ANSWER, DownloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WAITS_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
_LONGEST_WAIT_S: Final = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Setback:
    """Why a try came to nothing, and what the server says about the next one.

    Attributes:
        status: of HTTP; None when there was no answer.
        after_s: seconds that the server asks for; None where it says nothing.
    """

    reason: str
    status: int | None = None
    after_s: float | None = None


def seconds(setback: Setback, *, tried: int) -> float:
    """How long to wait for the next try; DownloadError when there is to be none."""
    if tried > len(_WAITS_S):
        reason = f"{setback.reason}, in the last of {tried} tries"
        hint = None if setback.status else NO_ANSWER
        raise DownloadError(reason, status=setback.status, hint=hint)
    if setback.after_s is None:
        return _WAITS_S[tried - 1]
    if setback.after_s > _LONGEST_WAIT_S:
        reason = f"{setback.reason}, and the server asks to wait {setback.after_s:.0f} s"
        raise DownloadError(reason, status=setback.status)
    return setback.after_s


def after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds of a `Retry-After`: a number, or a date, by the server's own clock."""
    asked = headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return float(asked)
    until, now = moment(asked), moment(headers.get("Date", ""))
    return None if until is None or now is None else max(0.0, until - now)


def moment(text: str) -> float | None:
    """The seconds since 1970 of a date in a header; None when it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
