"""Reads the end of an engine's log: bounded, and without characters that could move a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BYTES = 1 << 16
_LINE = 500


def tail(log: Path, *, lines: int) -> tuple[str, ...]:
    """The last lines that are not blank, oldest first, each cut to 500 characters.

    Only the last 64 KiB are looked at, however large the log is.
    """
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _BYTES))
        text = stream.read(_BYTES).decode(errors="replace")
    shown = [_harmless(line[:_LINE]) for line in text.splitlines() if line.strip()]
    return tuple(shown[-lines:])


def _harmless(line: str) -> str:
    return "".join(char if char.isprintable() else " " for char in line)
