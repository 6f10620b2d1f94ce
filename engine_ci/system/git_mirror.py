"""Histories in a mirror: a repository is one file there, a bundle of git's."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import platformdirs

from engine_ci.errors import VerificationError
from engine_ci.system import documents, git, mirror
from engine_ci.system.download import download

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENV: Final[Mapping[str, str]] = {"GIT_ALLOW_PROTOCOL": "https:file"}
_TIMEOUT_S: Final = 3600.0
_DIGEST: Final = ".sha256"
_HEX: Final = 64


def file_of(address: str) -> str:
    """The bundle of a repository, below the folder of all: by host and path."""
    parts = urlsplit(address)
    return f"{parts.hostname or 'here'}/{parts.path.strip('/').removesuffix('.git')}.bundle"


def located(address: str) -> str:
    """What git is to read instead of a repository: the bundle in the mirror, else the address.

    A bundle that lies on a server is downloaded, once for each digest that is told there.

    Raises:
        DownloadError: the mirror does not have it, or its server did not give it.
        VerificationError: it is not what its digest says.
    """
    place, name = mirror.below("git"), file_of(address)
    if place is None:
        return address
    if "://" in place:
        return str(_brought(place, name))
    if not Path(place, name).is_file():
        raise mirror.lacking(place, name)
    return str(Path(place, name))


def _brought(place: str, name: str) -> Path:
    home = platformdirs.user_cache_path("engine-ci") / "upstream"
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "sha256")
        download(place, name + _DIGEST, into=told, size=None)
        sha256 = told.read_bytes()[:_HEX].decode(errors="replace")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise VerificationError(f"{place}/{name}{_DIGEST}: no sha256 in it", hint=mirror.ADD)
    kept = home / f"{sha256}.bundle"
    if not kept.is_file():
        with documents.replacing(kept) as temporary:
            download(place, name, into=temporary, size=None)
            found = documents.sha256_of(temporary)
            if found != sha256:
                raise VerificationError(
                    f"{place}/{name}: expected sha256 {sha256}, found {found}", hint=mirror.ADD
                )
    return kept


def keep(address: str, *, into: Path) -> Path:
    """Writes the bundle of a repository, all its branches and tags, where it is not current.

    Args:
        address: of the repository.
        into: the folder of all bundles.

    Returns:
        the bundle.

    Raises:
        CommandError: git could not bring the repository.
    """
    file = into / file_of(address)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder)
        if file.is_file() and _refs(clone, address) == _refs(clone, str(file)):
            return file
        git.run(
            clone, "clone", "--quiet", "--bare", address, "clone", env=_ENV, timeout_s=_TIMEOUT_S
        )
        _peel_tags(clone / "clone")
        with documents.replacing(file) as temporary:
            git.run(
                clone / "clone", "bundle", "create", "--quiet", str(temporary), "--all", "HEAD",
                timeout_s=_TIMEOUT_S,
            )  # fmt: skip
    documents.write(file.with_name(file.name + _DIGEST), f"{documents.sha256_of(file)}\n")
    return file


def _peel_tags(clone: Path) -> None:
    """Has each tag name its commit itself: who lists a bundle is not told what a tag leads to."""
    listed = git.run(
        clone, "for-each-ref", "--format=%(refname) %(*objectname)", "refs/tags"
    ).stdout
    rows = (line.partition(" ") for line in listed.splitlines())
    updates = "".join(f"update {ref} {commit}\n" for ref, _, commit in rows if commit)
    git.run(clone, "update-ref", "--stdin", stdin=updates)


def _refs(folder: Path, address: str) -> dict[str, str]:
    """The commits of the branches and tags of a repository, or of a bundle."""
    listed = git.run(folder, "ls-remote", "--heads", "--tags", address, env=_ENV).stdout
    rows = (line.partition("\t") for line in listed.splitlines())
    return {ref.removesuffix("^{}"): commit for commit, _, ref in rows}
