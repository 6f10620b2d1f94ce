"""Ends what an earlier run left behind, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def end(say: Callable[[str], object]) -> None:
    """Ends the engines whose supervisor is gone."""
    from engine_ci.engine import reaper

    for pid in reaper.reap():
        say(f"ended process {pid}, an engine whose supervisor is gone")
