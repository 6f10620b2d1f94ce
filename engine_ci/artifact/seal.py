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
    """Seals a bundle as it is now.

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
    documents.write(_place(bundle), documents.dump_json(seal))


def intact(bundle: Path, *, request: str) -> Bundle | None:
    """The record of a bundle that is what `request` made; None when it is not, or nobody knows.

    A file that was changed, or is missing, or is one too many, breaks the seal.
    """
    with suppress(RecordError, OSError):
        seal = documents.load_json(_place(bundle), Seal, error=RecordError)
        if seal.request != request:
            return None
        same = seal.looks == _looks(bundle)
        if not same and documents.sha256_of(bundle / RECORD) != seal.record:
            return None
        found = documents.load_json(bundle / RECORD, Bundle, error=RecordError)
        if same:
            return found
        if _holds(bundle, found):
            put(bundle, request=request)
            return found
    return None


def _place(bundle: Path) -> Path:
    bundle = bundle.resolve()
    return bundle.with_name(f".{bundle.name}.seal")


def _looks(bundle: Path) -> str:
    """A digest over name, kind, rights, size, times and inode of everything in a folder."""
    digest = hashlib.sha256()
    for path, seen in sorted(_walked(str(bundle))):
        facts: tuple[int, ...] = (seen.st_mode,)
        if not stat.S_ISDIR(seen.st_mode):
            facts += (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)
        digest.update(f"{path}\0{facts}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _walked(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a folder, by path from where the bundle begins."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(folder, below)) as entries:  # noqa: PTH118 - a third of the time of Path
            for entry in entries:
                path = os.path.join(below, entry.name)  # noqa: PTH118 - the same
                yield path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)


def _holds(bundle: Path, record: Bundle) -> bool:
    """Whether a folder holds the files of the record, each with its bytes, and nothing else."""
    expected = {file.path: file.sha256 for file in record.files}
    files = {path for path, seen in _walked(str(bundle)) if not stat.S_ISDIR(seen.st_mode)} - {
        RECORD
    }
    return files == set(expected) and all(
        not (bundle / path).is_symlink() and documents.sha256_of(bundle / path) == sha256
        for path, sha256 in expected.items()
    )
