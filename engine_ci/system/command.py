"""Runs programs to their end: argument lists only, a clean environment, a clear error.

Each has a session of its own, so that it is ended with all that it started: when its time is over,
and when we are interrupted. There is no terminal in it that it could ask anybody on.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import TYPE_CHECKING

from engine_ci.errors import CommandError
from engine_ci.system import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

# Lines of a program that is followed, for the error if it fails.
_REMEMBERED = 100
# What a program that is asked to end has to do so.
_GRACE_S = 2.0

log = logging.getLogger(__name__)

# A child needs to find programs, its home, its language and the network, and nothing else: a token
# that happens to be in our environment must not be in every child's.
_INHERITED = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """What a program left behind."""

    status: int
    stdout: str
    stderr: str


def child_environment(*prefixes: str) -> dict[str, str]:
    """Our environment, reduced to what any child needs and to the names with the given prefixes."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or (prefixes and name.startswith(prefixes))
    }


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout_s: float = 600.0,
    check: bool = True,
) -> Completed:
    """Runs `argv` to its end and returns its status and output, decoded leniently.

    Args:
        argv: the program and its arguments; no shell is involved.
        cwd: where it runs.
        env: its whole environment; `child_environment()` when not given.
        stdin: text for its standard input; nothing when not given.
        timeout_s: seconds after which it is killed.
        check: raise when the status is not 0.

    Raises:
        CommandError: the program is missing, ran out of time, or (with `check`) failed.
    """
    words = [str(word) for word in argv]
    log.debug("$ %s", shlex.join(words))
    with _started(words, cwd=cwd, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            out, err = child.communicate((stdin or "").encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise _late(words, timeout_s) from error
    # Not as text, which would turn CRLF into LF: a file that git prints keeps its bytes.
    completed = Completed(
        status=child.returncode,
        stdout=out.decode(errors="replace"),
        stderr=err.decode(errors="replace"),
    )
    if check and completed.status != 0:
        raise failure(words, completed)
    return completed


def follow(
    argv: Sequence[str | Path],
    *,
    heard: Callable[[str], None],
    env: Mapping[str, str] | None = None,
    timeout_s: float = 600.0,
) -> None:
    """Runs `argv` to its end, and passes on each line of its output, of both kinds, as it comes.

    Args:
        argv: the program and its arguments; no shell is involved.
        heard: takes a line, with its end.
        env: its whole environment; `child_environment()` when not given.
        timeout_s: seconds after which it is killed.

    Raises:
        CommandError: the program is missing, ran out of time, or failed.
    """
    words = [str(word) for word in argv]
    log.debug("$ %s", shlex.join(words))
    said: deque[str] = deque(maxlen=_REMEMBERED)
    with _started(words, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT) as child:
        late = _Killer(child, after_s=timeout_s)
        with late:
            for line in child.stdout or ():
                text = line.decode(errors="replace")
                said.append(text)
                heard(text)
            child.wait()
    if late.killed:
        raise _late(words, timeout_s)
    if child.returncode != 0:
        done = Completed(status=child.returncode, stdout="".join(said), stderr="")
        raise failure(words, done)


@contextmanager
def _started(
    words: Sequence[str],
    *,
    stdin: int,
    stderr: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program, until the block ends; where it ends with an error, all that it started ends too.

    Raises:
        CommandError: it cannot be started.
        Interrupted: a signal was heard before.
    """
    interrupts.refuse_to_start()
    child: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held():
            child = subprocess.Popen(
                words,
                cwd=cwd,
                env=dict(child_environment() if env is None else env),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
            interrupts.started(child.pid)
        yield child
    except BaseException as error:
        if child is not None:
            _end(child)
        elif isinstance(error, OSError):
            raise _unstarted(words, error) from error
        raise
    finally:
        if child is not None:
            interrupts.ended(child.pid)
            for pipe in filter(None, (child.stdin, child.stdout, child.stderr)):
                with suppress(BrokenPipeError):
                    pipe.close()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends a program and all of its session: SIGTERM, a grace, SIGKILL."""
    interrupts.signal_group(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_S)
    # The number is that of the group as long as it has members.
    interrupts.signal_group(child.pid, signal.SIGKILL)
    child.wait()


class _Killer:
    """Ends a process, and all of its session, that is still there after some time."""

    def __init__(self, process: subprocess.Popen[bytes], *, after_s: float) -> None:
        self._process = process
        self._timer = Timer(after_s, self._kill)
        self.killed = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _kill(self) -> None:
        self.killed = True
        interrupts.signal_group(self._process.pid, signal.SIGKILL)


def _unstarted(words: Sequence[str], error: OSError) -> CommandError:
    # The folder to run in is named too where it is what is missing.
    message = f"`{words[0]}` could not be started: {error.strerror}: {error.filename}"
    return CommandError(message, hint=f"install `{words[0]}` or put it on PATH")


def _late(words: Sequence[str], timeout_s: float) -> CommandError:
    return CommandError(f"`{shlex.join(words)}` did not end within {timeout_s:g} s and was killed")


def failure(argv: Sequence[str], done: Completed) -> CommandError:
    """The error for a program that ended badly, with the end of what it said."""
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
    quoted = "".join(f"\n    {line}" for line in said)
    return CommandError(
        f"`{shlex.join(argv)}` ended with status {done.status}{quoted}",
        status=done.status,
        stdout=done.stdout,
        stderr=done.stderr,
    )
