"""Starts an engine in a process group of its own, and ends the whole group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """How an engine ended.

    Attributes:
        status: its exit status; None when a signal ended it.
        signal: the name of that signal, such as `SIGABRT`.
        killed: whether it had to be killed because it did not end by itself in time.
        seconds: from the request to stop until its end.
    """

    status: int | None
    signal: str | None
    killed: bool
    seconds: float
