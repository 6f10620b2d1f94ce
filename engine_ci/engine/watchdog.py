"""A program of its own that ends a process group when its supervisor is gone.

`python -I -S watchdog.py GROUP GRACE_S`, with a pipe as standard input whose other end only the
supervisor holds. However the supervisor dies, the kernel closes that end, and the read returns.
It writes one byte when it stands.
GROUP is 0 for the watchdog's own group, which cannot be mistaken: while the watchdog lives, no
other group can have that number.
"""

from __future__ import annotations

import os
import sys
import time

# POSIX fixes these numbers; importing `signal` would add a half to the time it takes to start.
_SIGTERM, _SIGKILL = 15, 9
READY = b"!"


def watch(lifeline: int, *, group: int, grace_s: float) -> None:
    """Blocks until `lifeline` is at its end, then ends `group`: SIGTERM, `grace_s`, SIGKILL."""
    while os.read(lifeline, 1):
        pass
    os.kill(-group, _SIGTERM)
    time.sleep(grace_s)
    os.kill(-group, _SIGKILL)


def announce(output: int) -> None:
    """Says that the watchdog stands, to a supervisor that may be dead already."""
    try:  # noqa: SIM105 - `contextlib` would double what is imported
        os.write(output, READY)
    except BrokenPipeError:
        pass


if __name__ == "__main__":
    announce(1)
    watch(0, group=int(sys.argv[1]), grace_s=float(sys.argv[2]))
