"""Ends engines whose supervisor is gone, and with it the watchdog that should have ended them.

Each engine is born with a mark in its environment that names its supervisor, and its descendants
inherit it. Who has none is not ours. Who has one of a supervisor that lives is left alone, and so
is who sees other numbers of processes than we do, as in a container: there is no telling.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE: Final = "ENGINE_CI_SUPERVISOR"
_PROC: Final = Path("/proc")
_GRACE_S: Final = 2.0
# `starttime` among the fields of `/proc/PID/stat` that come after the name.
_BEGAN: Final = 19


class Supervisor(NamedTuple):
    """One process of a host, for ever: numbers come again, but not at the same moment.

    Attributes:
        pid: its number.
        created: when it began, as `began` tells it.
        namespace: within which the number counts; "" where there are none.
    """

    pid: int
    created: float
    namespace: str

    def __str__(self) -> str:
        return f"{self.pid} {self.created!r} {self.namespace}"

    def lives(self) -> bool:
        """Whether it is there, and not only waits for somebody to hear of its end."""
        try:
            status = psutil.Process(self.pid).status()
            return began(self.pid) == self.created and status != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def mark() -> str:
    """What the environment of an engine of ours says."""
    return str(_process(os.getpid()))


def read(text: str) -> Supervisor | None:
    """Who made a mark; None where it is none."""
    pid, _, rest = text.partition(" ")
    created, _, namespace = rest.partition(" ")
    try:
        return Supervisor(int(pid), float(created), namespace)
    except ValueError:
        return None


def reap(*, grace_s: float = _GRACE_S) -> tuple[int, ...]:
    """Ends all stale engines: SIGTERM, `grace_s` seconds, SIGKILL. Their numbers, in order."""
    stale = list(_stale())
    for process in stale:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(stale, timeout=grace_s)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=grace_s)
    return tuple(sorted(process.pid for process in stale))


def _stale() -> Iterator[psutil.Process]:
    own = namespace(os.getpid())
    for process in psutil.process_iter():
        # Of what belongs to others nothing is said, and of what has just ended.
        with suppress(psutil.Error, OSError):
            found = read(process.environ().get(VARIABLE, ""))
            if found and found.namespace == own == namespace(process.pid) and not found.lives():
                yield process


@cache
def _process(pid: int) -> Supervisor:
    return Supervisor(pid=pid, created=began(pid), namespace=namespace(pid))


def began(pid: int) -> float:
    """When a process began: on Linux in ticks since the boot, else in seconds of the time of day.

    On Linux psutil makes a time of day of it by the clock of now, and that may have been set since.

    Raises:
        psutil.NoSuchProcess: there is none.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return psutil.Process(pid).create_time()
    # The name of the program is in brackets, and may have spaces and brackets itself.
    return float(stat.rpartition(b")")[2].split()[_BEGAN])


def namespace(pid: int) -> str:
    """Within which a process's number counts, as Linux calls it; "" on other systems."""
    if not _PROC.is_dir():
        return ""
    return str((_PROC / str(pid) / "ns" / "pid").readlink())
