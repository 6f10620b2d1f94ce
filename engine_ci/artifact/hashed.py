"""Hashes of files that one run knows: each is taken once, for as long as the file stays untouched.

A release has one archive for each platform, and every platform's bundle names them all.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TICK_NS: Final = 100_000_000  # of the clock that file systems have; most tick every 4 ms


class _Look(NamedTuple):
    """A file as its system sees it. Whoever writes to it changes a time that none can set back."""

    device: int
    inode: int
    size: int
    written_ns: int
    changed_ns: int


class Hashed:
    """What a run has hashed."""

    def __init__(self, *, now: Callable[[], int] = time.time_ns) -> None:
        """Takes a clock that gives nanoseconds since 1970."""
        self._now = now
        self._known: dict[_Look, str] = {}

    def sha256(self, path: Path) -> str:
        """The sha256 of a file; OSError when it cannot be read."""
        now, look = self._now(), _look(path)
        if look in self._known:
            return self._known[look]
        found = documents.sha256_of(path)
        # A change within the same tick as the last one would leave all times as they are.
        if now - look.changed_ns > _TICK_NS and _look(path) == look:
            self._known[look] = found
        return found


def _look(path: Path) -> _Look:
    seen = path.stat()
    return _Look(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
