"""Apple's `codesign`, which signs what ships from a Mac, and judges what we sign elsewhere.

Written after its manual page and **not run on macOS**: no Mac was at hand. The tests start a
stand-in that knows these three calls and their answers, and nothing of signing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine_ci.errors import CommandError, VerificationError
from engine_ci.system import command

if TYPE_CHECKING:
    from pathlib import Path

_CDHASH = re.compile(r"^CDHash=([0-9a-f]{40})$", re.MULTILINE)


def sign(path: Path, *, identifier: str, program: str | Path = "codesign") -> None:
    """Signs a file ad hoc in its place, whatever signature it had.

    Raises:
        CommandError: codesign is missing, or refuses the file.
    """
    words = ("--force", "--sign", "-", "--identifier", identifier, "--timestamp=none")
    command.run([program, *words, path])


def verify(path: Path, *, program: str | Path = "codesign") -> None:
    """Asks whether macOS would take every slice of a file as it is.

    Raises:
        VerificationError: it would not; codesign's reason is quoted.
        CommandError: codesign is missing.
    """
    try:
        command.run([program, "--verify", "--strict", path])
    except CommandError as error:
        if error.status is None:
            raise
        raise VerificationError(f"{path.name}: codesign refuses it: {error}") from error


def cdhash(path: Path, *, arch: str, program: str | Path = "codesign") -> str:
    """The hash by which macOS knows one slice of a file, in hexadecimal.

    Raises:
        CommandError: codesign is missing, refuses the file, or names no hash.
    """
    done = command.run([program, "--display", "-vvv", "--architecture", arch, path])
    found = _CDHASH.search(done.stderr)
    if found is None:
        raise CommandError(
            f"{path.name}: codesign names no CDHash", stdout=done.stdout, stderr=done.stderr
        )
    return found[1]
