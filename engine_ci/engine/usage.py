"""What an engine and its descendants take of the machine: CPU seconds and memory."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")
_KILOBYTES = re.compile(r"^(RssAnon|VmSwap|VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes that a family of processes holds.

    Attributes:
        own: what it shares with no file: anonymous memory, in RAM or swapped out.
        resident: what is in RAM now, files among it.
        peak: the most that this has been.
    """

    own: int
    resident: int
    peak: int


def family(pid: int) -> Iterator[psutil.Process]:
    """The process and its descendants; none where it is gone."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process  # nearly always the one, and looking for descendants takes a while
        yield from process.children(recursive=True)


def cpu_s(pid: int) -> float:
    """The CPU seconds of a family since its start; those of children that were waited for too."""
    seconds = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds


def memory(pid: int, *, proc: Path = _PROC) -> Memory:
    """The memory of a family. `proc` is Linux's; elsewhere it is asked of psutil."""
    read = partial(_status, proc) if proc.is_dir() else _counted
    found = []
    for process in family(pid):
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            found.append(read(process))
    return Memory(
        own=sum(item.own for item in found),
        resident=sum(item.resident for item in found),
        peak=sum(item.peak for item in found),
    )


def _status(proc: Path, process: psutil.Process) -> Memory:
    text = (proc / str(process.pid) / "status").read_text(encoding="utf-8", errors="replace")
    # A process that has ended and waits for its parent has none of these.
    kilobytes = {name: int(number) for name, number in _KILOBYTES.findall(text)}
    own = kilobytes.get("RssAnon", 0) + kilobytes.get("VmSwap", 0)
    resident, peak = kilobytes.get("VmRSS", 0), kilobytes.get("VmHWM", 0)
    return Memory(own=own << 10, resident=resident << 10, peak=peak << 10)


def _counted(process: psutil.Process) -> Memory:
    """Without a record of the peak, what is in RAM now stands for it."""
    full = process.memory_full_info()
    return Memory(own=full.uss, resident=full.rss, peak=full.rss)
