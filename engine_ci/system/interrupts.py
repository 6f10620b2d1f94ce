"""Ctrl-C, SIGTERM and a terminal that was closed: a clean end, whenever they come.

The first signal is an exception in the main thread, which undoes on its way out what is half done;
programs that were started are asked to end. A second one kills those and ends us where we stand:
engines end by their watchdogs then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine_ci.system import early, wakeup
from engine_ci.system.early import SHELL, SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, TypeAlias

    # What `signal` takes, and gives back.
    Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None

# So long a signal waits to be heard again whose exception went nowhere.
_AGAIN_S: Final = 0.05


class Interrupted(KeyboardInterrupt):
    """A signal asks us to end."""


@dataclass(slots=True)
class _Heard:
    """What the handlers of this process remember.

    Attributes:
        number: of the first signal.
        holds: how many blocks have to come to their end first.
        pending: whether the exception waits for them.
        lost: whether it was raised where nobody could catch it.
        groups: of the processes that run for us.
        wakes: what waits for a signal in threads of its own.
    """

    number: int | None = None
    holds: int = 0
    pending: bool = False
    lost: bool = False
    groups: set[int] = field(default_factory=set)
    wakes: set[threading.Event] = field(default_factory=set)


_heard = _Heard()


def status() -> int | None:
    """The exit status for the signal that was heard; None where there was none."""
    return None if _heard.number is None else SHELL + _heard.number


def name() -> str:
    """What was heard, for people."""
    return "" if _heard.number is None else SIGNALS[signal.Signals(_heard.number)]


@contextmanager
def listening() -> Iterator[None]:
    """In the block the first signal raises `Interrupted`, and a second one ends us at once.

    Of the main thread alone; in another one, nothing is otherwise than before.
    """
    if not _in_main_thread():
        yield
        return
    handlers, hook = _install(_on_signal), sys.unraisablehook

    def unraisable(found: sys.UnraisableHookArgs) -> None:
        if isinstance(found.exc_value, Interrupted):
            _raise_again()
        else:
            hook(found)

    sys.unraisablehook = unraisable
    try:
        with wakeup.main_thread():
            yield
    finally:
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
        _heard.number, _heard.pending, _heard.lost = None, False, False


@contextmanager
def held() -> Iterator[None]:
    """A signal waits for the end of the block, which takes no time; other threads get none."""
    if not _in_main_thread():
        yield
        return
    _heard.holds += 1
    try:
        yield
    finally:
        _heard.holds -= 1
        if _heard.pending and not _heard.holds:
            _heard.pending = False
            raise Interrupted


@contextmanager
def ending(end: Callable[[], object]) -> Iterator[None]:
    """While the block runs, a signal has `end` called, in a thread of its own.

    For what other threads wait for: the main one waits for them, on its way out.
    """
    woken = threading.Event()

    def wait() -> None:
        woken.wait()
        if _heard.number is not None:
            end()

    waiting = threading.Thread(target=wait, name="interrupts")
    waiting.start()
    _heard.wakes.add(woken)
    try:
        yield
    finally:
        _heard.wakes.discard(woken)
        woken.set()
        waiting.join()


def refuse_to_start() -> None:
    """Raises `Interrupted`, in any thread, where a signal was heard: nothing new is begun."""
    if _heard.number is not None:
        raise Interrupted


def started(group: int) -> None:
    """Remembers the group of a program that runs for us."""
    _heard.groups.add(group)


def ended(group: int) -> None:
    """Forgets one."""
    _heard.groups.discard(group)


def signal_group(group: int, number: signal.Signals) -> None:
    """Signals a group of processes, as far as it is there and ours."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _install(handler: Handler) -> dict[int, Handler]:
    """Sets a handler for each signal that whoever started us wants to be heard; the ones before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    return {
        number: signal.signal(number, handler)
        for number, found in before.items()
        if found is not signal.SIG_IGN
    }


def _on_signal(number: int, _: FrameType | None) -> None:
    if _heard.lost:
        _heard.lost = False
        raise Interrupted
    if _heard.number is not None:
        _end(number)
    _heard.number = number
    for group in tuple(_heard.groups):
        signal_group(group, signal.SIGTERM)
    for woken in tuple(_heard.wakes):
        woken.set()
    if _heard.holds:
        _heard.pending = True
        return
    raise Interrupted


def _raise_again() -> None:
    """Signals the main thread once more, when it has left where exceptions go nowhere."""
    _heard.lost = True
    main, number = threading.main_thread().ident or 0, _heard.number or signal.SIGINT
    threading.Timer(_AGAIN_S, signal.pthread_kill, (main, number)).start()


def _end(number: int) -> None:
    for group in tuple(_heard.groups):
        signal_group(group, signal.SIGKILL)
    early.end(number)
