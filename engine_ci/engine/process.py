"""Starts an engine in a guarded process group, and ends the whole group.

The group is the watchdog's: the watchdog is started first and leads it, then the engine is started
as a child of ours that joins it. This leaves no window in which our own death by SIGKILL would
leave an engine behind:

- The watchdog waits for the end of a pipe. We hold its writing end, and so does the engine's
  process between fork and exec, where the descriptor closes. So when the watchdog sees the end,
  the engine has long joined the group, or will never run.
- The watchdog blocks every signal (it is born so), hence survives the SIGTERM to its own group.
- Numbers are not reused: the watchdog kills its own group, and we kill the group only as long as
  the watchdog, our child, is not reaped.

It needs no parent-death signal and no /proc, so Linux and macOS are alike. A descendant of the
engine that moves to a group of its own is out of reach.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.engine import reaper, stopwatch, usage, watchdog
from engine_ci.engine.patience import Effort, Patience
from engine_ci.errors import EngineStartError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_WATCHDOG_GRACE_S = 2.0
_MEANINGS = {
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction",
    "SIGKILL": "killed from outside, for want of memory perhaps",
    "SIGSEGV": "segmentation fault",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """How an engine ended.

    Attributes:
        status: its exit status; None when a signal ended it.
        signal: the name of that signal, such as `SIGABRT`.
        killed: whether it had to be killed because it did not end by itself in time.
        seconds: from the request to stop until its end.
    """

    status: int | None
    signal: str | None
    killed: bool
    seconds: float

    @classmethod
    def of(cls, code: int, *, killed: bool, seconds: float) -> Stopped:
        """From a return code of `subprocess`, in which signals are negative."""
        if code < 0:
            return cls(status=None, signal=_signal_name(-code), killed=killed, seconds=seconds)
        return cls(status=code, signal=None, killed=killed, seconds=seconds)

    def __str__(self) -> str:
        if self.signal is None:
            return f"ended with status {self.status}"
        meaning = _MEANINGS.get(self.signal)
        return f"died of {self.signal}" + (f" ({meaning})" if meaning else "")


class Process:
    """A started program and its group, until `stop`."""

    def __init__(self, child: subprocess.Popen[bytes], *, group: _Group) -> None:
        self._child = child
        self._group = group
        self._stopped: Stopped | None = None
        self._stopping = threading.Lock()
        self._killed = False
        self._over = threading.Event()
        # One thread waits for its end, and all others for that thread: with a limit, `subprocess`
        # would look again and again. It may end with us, as it has nothing to say to anybody else.
        threading.Thread(target=self._watch, name=f"engine {child.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the program itself."""
        return self._child.pid

    def ended(self, *, within_s: float = 0.0) -> bool:
        """Whether the program has ended, or does so within this many seconds."""
        return self._over.wait(within_s)

    def wait(self) -> None:
        """Returns when the program has ended."""
        self._over.wait()

    def cpu_s(self) -> float:
        """The CPU seconds that the program and its descendants have taken."""
        return usage.cpu_s(self.pid)

    def effort(self) -> Effort:
        """What the program and its descendants have had of the machine, and waited for."""
        return Effort(computed_s=self.cpu_s(), waited_s=stopwatch.waited_s(self.pid))

    def stop(self, *, grace_s: float) -> Stopped:
        """Ends the program and all of its group: SIGTERM, `grace_s` seconds, SIGKILL.

        One that had less CPU time than that, and computes, gets more of the clock's. What is left
        of the group after the program's own end gets no grace. A second call returns what the
        first did.
        """
        with self._stopping:
            if self._stopped is None:
                begin = time.monotonic()
                self._group.send(signal.SIGTERM)
                in_time = self._ends(Patience(grace_s, effort=self.effort))
                self._group.end()
                self.wait()
                code, seconds = self._child.returncode, time.monotonic() - begin
                # It may have ended by itself just before it was to be killed.
                killed = code == -signal.SIGKILL and (self._killed or not in_time)
                self._stopped = Stopped.of(code, killed=killed, seconds=seconds)
            return self._stopped

    def kill(self) -> None:
        """Kills all of the group, and takes the rest of its grace from a `stop` under way."""
        self._killed = True
        self._group.send(signal.SIGKILL)

    def _ends(self, patience: Patience) -> bool:
        while (left := patience.left()) > 0:
            if self.ended(within_s=left):
                return True
        return self.ended()

    def _watch(self) -> None:
        self._child.wait()
        self._over.set()


def start(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> Process:
    """Starts a program whose output goes to the file `log`, which it replaces.

    Raises:
        EngineStartError: it is no program that this machine can start.
        HarnessError: the watchdog does not run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    # At the end of the file, wherever that is: it may be cut off meanwhile.
    with log.open("ab") as output, ExitStack() as undo:
        group = _Group()
        undo.callback(group.end)
        try:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=group.number,
            )
        except OSError as error:
            raise EngineStartError(f"`{argv[0]}` cannot be started: {error.strerror}") from error
        process = Process(child, group=group)
        undo.callback(process.stop, grace_s=0.0)
        # Asked for last, so that the watchdog's start does not delay the engine's.
        if not group.is_guarded():
            raise HarnessError("the watchdog that ends engines after our death does not run")
        undo.pop_all()
        return process


def kill_all() -> None:
    """Kills every engine of ours that runs, so that nobody waits for an answer of one."""
    for group in tuple(_GROUPS):
        group.send(signal.SIGKILL)


def environment(home: Path) -> dict[str, str]:
    """All that an engine sees of ours: whose it is. `home` is a temporary folder."""
    return {
        reaper.VARIABLE: reaper.mark(),
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        # Threads that wait by spinning starve everybody else on a small machine.
        "OMP_WAIT_POLICY": "passive",
        # Last words such as `free(): invalid pointer` belong in the log, not on our terminal.
        "LIBC_FATAL_STDERR_": "1",
    }


class _Group:
    """A process group that is led by a watchdog."""

    def __init__(self) -> None:
        self._reaping = threading.Lock()
        program = [sys.executable, "-I", "-S", watchdog.__file__, "0", str(_WATCHDOG_GRACE_S)]
        with _signals_blocked():  # which a child inherits, over exec too
            self._watchdog = subprocess.Popen(
                program,
                cwd="/",
                env={},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )

        _GROUPS.add(self)

    @property
    def number(self) -> int:
        return self._watchdog.pid

    def is_guarded(self) -> bool:
        """Whether the watchdog stands; waits until that is known."""
        ready = self._watchdog.stdout
        return ready is not None and ready.read(1) == watchdog.READY

    def send(self, number: signal.Signals) -> None:
        """Signals all members, as long as the watchdog keeps the group's number from others."""
        with self._reaping:
            if self._watchdog.returncode is None:
                with suppress(PermissionError):  # what macOS says when all of them are zombies
                    os.killpg(self.number, number)

    def end(self) -> None:
        """Kills all members."""
        self.send(signal.SIGKILL)
        with self._reaping:
            self._watchdog.communicate()
        _GROUPS.discard(self)


# Those that have members, or may have.
_GROUPS: set[_Group] = set()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
