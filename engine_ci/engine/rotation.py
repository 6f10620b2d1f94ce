"""Keeps the log of an engine that runs for long from growing without end.

An engine writes to the end of its file, whatever became of what stood there (`O_APPEND`). So the
file is copied and cut off, and the engine notices nothing. What it writes between the two is lost;
that it never waits for us is worth more.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from engine_ci.engine.repeating import repeated
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIMIT: Final = 8 << 20
_EVERY_S: Final = 1.0


def earlier(log: Path) -> Path:
    """Where the part of a log is that was cut off last."""
    return log.with_name(f"{log.name}.1")


def rotate(log: Path, *, limit: int = _LIMIT) -> bool:
    """Cuts a log off that is longer than `limit` bytes; whether it was.

    Where the copy has no room, it is cut off all the same.
    """
    try:
        if log.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    with suppress(OSError), documents.replacing(earlier(log)) as temporary:
        shutil.copyfile(log, temporary)
    with log.open("r+b") as stream:
        stream.truncate()
    return True


@contextmanager
def bounded(log: Path, *, limit: int = _LIMIT, every_s: float = _EVERY_S) -> Iterator[None]:
    """Looks at a log every `every_s` seconds, and cuts it off where it is too long."""

    def look() -> None:
        with suppress(OSError):
            rotate(log, limit=limit)

    with repeated(look, every_s=every_s, name=f"{log.name} rotation"):
        yield
