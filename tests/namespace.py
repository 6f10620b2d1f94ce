"""A network namespace of one's own: loopback, and no way out."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Raises loopback, makes sure that there is no route, and becomes the program that it is given.
_BEGIN = """
import errno, fcntl, os, socket, struct, sys
UP, SET_FLAGS = 0x1, 0x8914
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP))
with socket.socket() as outward:
    outward.settimeout(5)
    found = outward.connect_ex(("192.0.2.1", 80))
if found != errno.ENETUNREACH:
    sys.exit(f"expected no route, found {errno.errorcode.get(found, found)}")
os.execvp(sys.argv[1], sys.argv[1:])
"""
_UNSHARE = ("unshare", "--map-root-user", "--net", sys.executable, "-c", _BEGIN)


@cache
def why_not() -> str | None:
    """Why no namespace can be made here; None where one can."""
    try:
        done = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False)
    except OSError as problem:
        return f"no network namespace: unshare: {problem.strerror}"
    return None if done.returncode == 0 else f"no network namespace: {done.stderr.strip()[-200:]}"


def run(
    *argv: str, cwd: Path, env: Mapping[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a new namespace, to its end."""
    return subprocess.run(
        [*_UNSHARE, *argv],
        cwd=cwd,
        env=dict(env),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
