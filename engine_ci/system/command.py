"""Runs programs to their end: argument lists only, a clean environment, a clear error."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
from collections import deque
from dataclasses import dataclass
from threading import Timer
from typing import TYPE_CHECKING

from engine_ci.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Lines of a program that is followed, for the error if it fails.
_REMEMBERED = 100

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
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(child_environment() if env is None else env),
            input=(stdin or "").encode(),
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except OSError as error:
        raise _unstarted(words, error) from error
    except subprocess.TimeoutExpired as error:
        raise _late(words, timeout_s) from error
    # Not as text, which would turn CRLF into LF: a file that git prints keeps its bytes.
    completed = Completed(
        status=done.returncode,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
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
    try:
        process = subprocess.Popen(
            words,
            env=dict(child_environment() if env is None else env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise _unstarted(words, error) from error
    said: deque[str] = deque(maxlen=_REMEMBERED)
    late = _Killer(process, after_s=timeout_s)
    with process, late:
        for line in process.stdout or ():
            said.append(line)
            heard(line)
    if late.killed:
        raise _late(words, timeout_s)
    if process.returncode != 0:
        done = Completed(status=process.returncode, stdout="".join(said), stderr="")
        raise failure(words, done)


class _Killer:
    """Ends a process that is still there after some time."""

    def __init__(self, process: subprocess.Popen[str], *, after_s: float) -> None:
        self._process = process
        self._timer = Timer(after_s, self._kill)
        self.killed = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _kill(self) -> None:
        self.killed = True
        self._process.kill()


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
