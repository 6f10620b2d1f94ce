"""A folder that is here already, seen as an archive: a build, an app, or what a command left."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.artifact.archive import PIECE, Archive, Entry, Unpacked, member_refused, write
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterator


def copied(folder: Path, *, into: Path) -> Archive:
    """The files of a folder; what is unpacked of them is a copy in the new folder `into`.

    Raises:
        VerificationError: a link leads out of the folder, nowhere, or in a circle.
    """
    files, links = _listed(folder)
    return Archive(files, links=links, write=lambda path: _copy(folder / path, into / path))


def in_place(folder: Path) -> Archive:
    """The same, of files that are only read: what is unpacked of them is where it was."""
    files, links = _listed(folder)

    def seen(path: str) -> Unpacked:
        # A file's fingerprint is its sha256 here, so that none is read again.
        entry = files[path]
        return Unpacked(path=folder / path, size=entry.size, sha256=entry.fingerprint)

    return Archive(files, links=links, write=seen)


def _listed(folder: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """The files by path, and the file that each link leads to."""
    files: dict[str, Entry] = {}
    links: dict[str, str] = {}
    for path, file in _walked(folder):
        end = _end(file, path=path, folder=folder)
        if file.is_symlink():
            if end.is_file():
                links[path] = end.relative_to(folder.resolve()).as_posix()
        else:
            digest = documents.sha256_of(file)
            files[path] = Entry(path=path, size=file.stat().st_size, fingerprint=digest)
    return files, links


def _walked(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file and every link by its path, links to folders among them."""
    for above, folders, names in os.walk(folder):
        for name in sorted((*names, *folders)):
            file = Path(above, name)
            if file.is_symlink() or file.is_file():
                yield file.relative_to(folder).as_posix(), file


def _end(file: Path, *, path: str, folder: Path) -> Path:
    """What a file is once all links are followed."""
    try:
        end = file.resolve(strict=True)
    except (OSError, RuntimeError) as problem:
        raise member_refused(str(folder), path, "it is a link that leads nowhere") from problem
    if not end.is_relative_to(folder.resolve()):
        raise member_refused(str(folder), path, f"it is a link out of the folder, to {end}")
    return end


def _copy(source: Path, target: Path) -> Unpacked:
    executable = bool(source.stat().st_mode & 0o100)
    with source.open("rb") as stream:
        return write(iter(partial(stream.read, PIECE), b""), target, executable=executable)
