"""Starts `engine-ci` as a process of its own, and stops it at some moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Seconds within which a stopped command has ended, on a machine that is busy.
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Stopped:
    """What came of it.

    Attributes:
        status: 0 where it was over before it was stopped.
        left: what still runs of all that was seen of it.
    """

    status: int
    out: str
    err: str
    left: tuple[str, ...]


def stopped(
    arguments: Sequence[str],
    *,
    after_s: float,
    once: Path | None = None,
    number: signal.Signals = signal.SIGINT,
    again_after_s: float | None = None,
) -> Stopped:
    """Runs a command, and signals it once or twice; its process alone, as `kill` does.

    Not later than `after_s`; earlier where the file `once` is there.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "engine_ci", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background would be deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one line, before exec
    )
    seen: dict[int, psutil.Process] = {}
    _watch(child, seen, for_s=after_s, once=once)
    child.send_signal(number)
    if again_after_s is not None:
        _watch(child, seen, for_s=again_after_s)
        child.send_signal(number)
    _watch(child, seen, for_s=PATIENCE_S)
    out, err = child.communicate(timeout=PATIENCE_S)
    _, alive = psutil.wait_procs(list(seen.values()), timeout=5)
    return Stopped(child.returncode, out, err, tuple(map(_named, alive)))


def _watch(
    child: subprocess.Popen[str],
    seen: dict[int, psutil.Process],
    *,
    for_s: float,
    once: Path | None = None,
) -> None:
    """Remembers what it starts, until it ends, the time is over, or a file is there."""
    until = time.monotonic() + for_s
    while child.poll() is None and time.monotonic() < until and not (once and once.exists()):
        with suppress(psutil.Error):
            for each in psutil.Process(child.pid).children(recursive=True):
                seen.setdefault(each.pid, each)
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.02)


def _named(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return str(process.pid)
