"""Reads an engine's log: bounded, and without characters that could move a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BYTES = 1 << 16
_LINE = 500
_HEAD_BYTES = 1 << 20
_WIDE_LINE = 4000


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


def head(log: Path) -> list[str]:
    """The lines of the first MiB, each cut to 4,000 characters: what was written at the start."""
    with log.open("rb") as stream:
        text = stream.read(_HEAD_BYTES).decode(errors="replace")
    return [_harmless(line[:_WIDE_LINE]) for line in text.splitlines()]


def matching(log: Path, patterns: Sequence[str]) -> Iterator[str]:
    """The lines that hold one of `patterns`, in any case, oldest first, each cut to 500 characters.

    Raises:
        FileNotFoundError: there is no such log.
    """
    wanted = [pattern.lower() for pattern in patterns]
    with log.open("rb") as stream:
        while piece := stream.readline(_BYTES):
            line = piece.decode(errors="replace")
            if any(pattern in line.lower() for pattern in wanted):
                yield _harmless(line)[:_LINE].strip()


def _harmless(line: str) -> str:
    return "".join(char if char.isprintable() else " " for char in line)
