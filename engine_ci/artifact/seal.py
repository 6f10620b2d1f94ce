"""A seal beside an installed bundle: whether it is still what was installed, told without hashing.

It holds what the file system says of every file. Where that has changed, as after a copy of the
whole folder, the bytes are hashed and held against the bundle's record, which the seal knows too.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from engine_ci.artifact import install, rights
from engine_ci.errors import RecordError
from engine_ci.records.bundle import RECORD, Bundle
from engine_ci.system import documents
from engine_ci.system.documents import Sha256, Versioned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Seal(Versioned):
    """What was true when a bundle had just been installed.

    Attributes:
        request: what was asked for.
        looks: all that the file system says of the files.
        record: the bytes of `bundle.json`.
    """

    request: Sha256
    looks: Sha256
    record: Sha256


def put(bundle: Path, *, request: str) -> None:
    """Seals a bundle as it is now; whoever calls this is alone at its place.

    Args:
        bundle: its folder.
        request: a sha256 of what it was asked for with.
    """
    seal = Seal(
        schema=1,
        request=request,
        looks=_looks(bundle),
        record=documents.sha256_of(bundle / RECORD),
    )
    # Not under a name of chance, which nobody would remove after a kill.
    unfinished = install.beside(bundle, install.UNFINISHED_SEAL)
    unfinished.write_text(documents.dump_json(seal), encoding="utf-8")
    unfinished.replace(_place(bundle))


def intact(bundle: Path, *, request: str) -> bool:
    """Whether a bundle is, as far as anybody knows, what `request` made.

    A file that was changed, or is missing, or is one too many, breaks the seal. Nothing is hashed
    or read, so it is broken as well by whatever changes a time and no byte.
    """
    with suppress(RecordError, OSError):
        seal = documents.load_json(_place(bundle), Seal, error=RecordError)
        return seal.request == request and seal.looks == _looks(bundle)
    return False


def renewed(bundle: Path, *, request: str) -> bool:
    """As `intact`; where the seal is broken, the bytes tell, and the bundle is sealed again.

    Whoever calls this is alone at its place.
    """
    if intact(bundle, request=request):
        return True
    with suppress(RecordError, OSError):
        seal = documents.load_json(_place(bundle), Seal, error=RecordError)
        if seal.request != request or documents.sha256_of(bundle / RECORD) != seal.record:
            return False
        if _holds(bundle, documents.load_json(bundle / RECORD, Bundle, error=RecordError)):
            put(bundle, request=request)
            return True
    return False


def _place(bundle: Path) -> Path:
    return install.beside(bundle, "seal")


def _looks(bundle: Path) -> str:
    """A digest over name, kind, rights, size, times and inode of everything in a folder."""
    lines = [
        f"{path}\0{seen.st_mode}\n"
        if stat.S_ISDIR(seen.st_mode)
        else f"{path}\0{seen.st_mode} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} "
        f"{seen.st_ino}\n"
        for path, seen in _walked(str(bundle))
    ]
    return hashlib.sha256(os.fsencode("".join(sorted(lines)))).hexdigest()


def _walked(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a folder, by path from where the bundle begins."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(f"{folder}/{below}") as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                yield path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")


def _holds(bundle: Path, record: Bundle) -> bool:
    """Whether a folder holds the files of the record, each with its bytes, and nothing else.

    Their rights are not in the record: they must be such as no audit finds fault with.
    """
    expected = {file.path: file.sha256 for file in record.files}
    files = {path for path, seen in _walked(str(bundle)) if not stat.S_ISDIR(seen.st_mode)} - {
        RECORD
    }
    return (
        files == set(expected)
        and not any(rights.findings(bundle))
        and rights.is_program(bundle / record.server)
        and all(
            not (bundle / path).is_symlink() and documents.sha256_of(bundle / path) == sha256
            for path, sha256 in expected.items()
        )
    )
