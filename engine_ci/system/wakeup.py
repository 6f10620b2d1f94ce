"""Has the main thread hear of a signal that the kernel gave to another thread.

Python runs handlers in the main thread alone, which may wait for a lock meanwhile: only a signal of
its own takes it from there. One that a process gets goes to any thread that does not block it.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nobody sends it, and who does not ask for it does not hear it.
_POKE: Final = signal.SIGURG


@contextmanager
def main_thread() -> Iterator[None]:
    """In the block no signal waits until the main thread does something again."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    descriptor = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handler = signal.signal(_POKE, lambda *_: None)
    waker = threading.Thread(target=_wake, args=(reading,), name="signals", daemon=True)
    waker.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        os.close(writing)
        waker.join()
        os.close(reading)
        signal.signal(_POKE, handler)


def _wake(reading: int) -> None:
    """Pokes for every signal but its own, whose numbers Python writes as they come."""
    main = threading.main_thread().ident or 0
    while heard := os.read(reading, 64):
        if set(heard) != {_POKE}:
            signal.pthread_kill(main, _POKE)
