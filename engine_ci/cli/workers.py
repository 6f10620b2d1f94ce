"""Processes of our own that work for this one, and end when it stops or dies.

Ctrl-C on a terminal reaches them too; when to end is for this one to say, by the end of a pipe.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from engine_ci.errors import Exit
from engine_ci.system import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from multiprocessing.connection import Connection

S = TypeVar("S")
T = TypeVar("T")


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """So many at a time; all have ended when the block has, however that was."""
    # Not forked: a copy of a process with threads may wait for ever for one of them.
    context = multiprocessing.get_context("spawn")
    end, lifeline = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(
        max_workers=workers, mp_context=context, initializer=_begin, initargs=(end,)
    )
    try:
        yield executor
    except BaseException:
        lifeline.close()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        lifeline.close()
        end.close()


def submit(executor: ProcessPoolExecutor, work: Callable[[S], T], item: S) -> Future[T]:
    """Gives the pool something to do; a worker that is started for it is born deaf to Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return executor.submit(_unless_stopped, work, item)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unless_stopped(work: Callable[[S], T], item: S) -> T:
    """Does the work, in a worker; one that is stopped undoes what is half done, and ends."""
    try:
        with interrupts.listening():
            return work(item)
    except KeyboardInterrupt:
        os._exit(Exit.TERMINATED)  # the pool would give it the next item


def _begin(end: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # While it waits for work there is nothing to undo.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(Exit.TERMINATED))
    threading.Thread(target=_wait, args=(end,), name="lifeline", daemon=True).start()


def _wait(end: Connection) -> None:
    try:
        end.recv_bytes()
    except EOFError:
        os.kill(os.getpid(), signal.SIGTERM)
