"""A mirror: a folder, or an address, that has all that is otherwise asked of the network.

Whoever names one asks nobody else. Below it lies, under each server's own paths, what the servers
of upstream have.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from engine_ci.errors import DownloadError, UsageError
from engine_ci.system import addresses

VARIABLE: Final = "ENGINE_CI_MIRROR"
ADD: Final = (
    "add it where there is a network: `engine-ci mirror --into DIR`, with `--build VERSION` for a "
    "release that is not the next one"
)

# Wheels and source code of packages; answers of GitHub's API; files of releases; models in
# repositories; histories of git.
Part = Literal["packages", "api", "releases", "models", "git"]


def place() -> str | None:
    """The absolute path of the folder, or the address; None where the variable names none.

    Raises:
        UsageError: there is no such folder, or the address is not one of HTTPS.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if "://" in named:
        try:
            return addresses.safe(named).rstrip("/")
        except DownloadError as problem:
            raise UsageError(f"{VARIABLE}: {problem}") from problem
    folder = Path(named).absolute()
    if not folder.is_dir():
        raise UsageError(f"{VARIABLE}: there is no folder {folder}", hint=ADD)
    return str(folder)


def below(part: Part) -> str | None:
    """Where a part of the mirror lies; None without a mirror."""
    found = place()
    return None if found is None else f"{found}/{part}"


def holds(address: str) -> bool:
    """Whether an address, or a folder, is the mirror or lies in it."""
    found = place()
    return found is not None and f"{address}/".startswith(f"{found}/")


def lacking(address: str, path: str) -> DownloadError:
    """The error for a file that should be in the mirror."""
    return DownloadError(f"the mirror has no {address}/{path}", status=404, hint=ADD)


def pip_variables() -> dict[str, str]:
    """What makes pip look into the mirror alone; nothing without one."""
    packages = below("packages")
    if packages is None:
        return {}
    # A page of links for a server that lists no folder; a folder as an address, which holds no
    # space: pip reads several places from the variable.
    links = f"{packages}/index.html" if "://" in packages else Path(packages).as_uri()
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": links}
