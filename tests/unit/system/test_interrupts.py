"""Signals, raised in this process and sent to others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from engine_ci.system import command, early, interrupts
from engine_ci.system.interrupts import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Ended(BaseException):
    """Stands for the end of this process."""


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses that this process would have ended with at once."""
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        raise Ended

    monkeypatch.setattr(os, "_exit", end)
    return statuses


def test_a_signal_while_a_program_is_being_started_is_no_error_of_its(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def popen(*_: object, **__: object) -> None:
        raise Interrupted

    monkeypatch.setattr(subprocess, "Popen", popen)

    with pytest.raises(Interrupted):
        command.run(["true"])


@pytest.fixture(autouse=True)
def audible() -> Iterator[None]:
    """What a shell starts in the background ignores some signals."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def python(code: str) -> subprocess.Popen[str]:
    """A process that has said `ready`."""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


def interrupted(block: Callable[[], object]) -> tuple[int | None, str]:
    """Runs a block that a signal takes us out of; the exit status, and what was heard."""
    with interrupts.listening():
        with pytest.raises(Interrupted):
            block()
        return interrupts.status(), interrupts.name()


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_an_exception_and_says_how_to_exit(number: signal.Signals) -> None:
    before = []

    def run() -> None:
        before.append((interrupts.status(), interrupts.name()))
        signal.raise_signal(number)

    assert interrupted(run) == (128 + number, early.SIGNALS[number])
    assert before == [(None, "")]
    assert (interrupts.status(), interrupts.name()) == (None, "")
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_second_one_ends_it_at_once_with_all_that_runs(
    ends: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    with python("print('ready', flush=True); input()") as child:
        with interrupts.listening():
            with pytest.raises(Interrupted):
                signal.raise_signal(signal.SIGINT)
            interrupts.started(child.pid)
            with pytest.raises(Ended):
                signal.raise_signal(signal.SIGTERM)
        interrupts.ended(child.pid)

    assert ends == [143]
    assert child.returncode == -signal.SIGKILL
    assert capfd.readouterr().err == "engine-ci: ended at once by SIGTERM\n"


def test_whoever_is_deaf_to_a_signal_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with interrupts.listening():
        signal.raise_signal(signal.SIGHUP)

    assert interrupts.status() is None
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_signal_waits_for_what_must_come_to_its_end() -> None:
    done = []

    def run() -> None:
        with interrupts.held():
            with interrupts.held():
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            done.append("outer")

    interrupted(run)

    assert done == ["inner", "outer"]


def test_other_threads_hold_nothing_back() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with interrupts.held():
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    try:
        interrupted(lambda: signal.raise_signal(signal.SIGINT))
    finally:
        leave.set()
        holder.join()


def test_a_thread_of_its_own_listens_to_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def listen() -> None:
        with interrupts.listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()

    assert seen == [before]


def test_after_a_signal_nothing_is_started_any_more() -> None:
    with interrupts.listening():
        interrupts.refuse_to_start()
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            command.run(["true"])


def test_a_program_that_runs_is_asked_to_end_with_all_that_it_started() -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    heard: list[int] = []

    def stop(line: str) -> None:
        heard.append(int(line))
        signal.raise_signal(signal.SIGINT)

    interrupted(lambda: command.follow([sys.executable, "-c", code], heard=stop))

    # Whose parent is gone is reaped by somebody else, who may take a moment.
    for _ in range(100):
        if not _runs(heard[0]):
            break
        threading.Event().wait(0.05)
    assert not _runs(heard[0])


def _runs(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith(b"Z")


def test_one_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_GRACE_S", 0.1)
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); signal.pause()"
    )

    def stop(_: str) -> None:
        signal.raise_signal(signal.SIGINT)

    interrupted(lambda: command.follow([sys.executable, "-c", code], heard=stop))


def test_what_threads_wait_for_is_ended_while_the_main_one_is_on_its_way_out() -> None:
    ended = threading.Event()

    def run() -> None:
        with interrupts.ending(ended.set):
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                ended.wait(10)

    interrupted(run)

    assert ended.is_set()


def test_nothing_is_ended_where_no_signal_came() -> None:
    ended = threading.Event()

    with interrupts.listening(), interrupts.ending(ended.set):
        pass

    assert not ended.is_set()


class Careless:
    """Nobody can catch what is raised when it goes."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_exception_that_nobody_could_catch_is_raised_again() -> None:
    def run() -> None:
        Careless()
        threading.Event().wait(10)

    interrupted(run)


def test_another_that_nobody_could_catch_is_told_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    with interrupts.listening():
        Broken()

    assert len(told) == 1


def test_a_group_that_is_gone_needs_no_signal() -> None:
    with python("print('ready', flush=True)") as child:
        child.wait()

    interrupts.signal_group(child.pid, signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_a_command_has_begun_a_signal_is_the_end(number: signal.Signals) -> None:
    code = (
        "import signal\nfrom engine_ci.system import early\n"
        "early.listen()\nprint('ready', flush=True)\nsignal.pause()"
    )
    with python(code) as child:
        child.send_signal(number)
        _, said = child.communicate(timeout=20)

    assert child.returncode == 128 + number
    assert said == f"engine-ci: ended at once by {early.SIGNALS[number]}\n"


def test_the_door_hears_signals_first(ends: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", registered.append)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    early.listen()
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGTERM)

    assert ends == [143]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    (last,) = registered
    last()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_a_signal_that_another_thread_got_takes_the_main_one_from_a_lock() -> None:
    given = threading.Event()

    def take() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        given.wait(10)

    def wait() -> None:
        threading.Timer(0.2, other.start).start()
        threading.Event().wait(8)

    other = threading.Thread(target=take)
    interrupted(wait)
    given.set()
    other.join()
