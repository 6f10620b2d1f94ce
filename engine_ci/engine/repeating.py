"""Something that is done now and then, beside what else goes on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def repeated(job: Callable[[], None], *, every_s: float, name: str) -> Iterator[None]:
    """Does it every `every_s` seconds until the block ends, in a thread of that name.

    The job raises nothing, as nobody would hear of it.
    """

    def repeat() -> None:
        while not ended.wait(every_s):
            job()

    ended = threading.Event()
    thread = threading.Thread(target=repeat, name=name)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
