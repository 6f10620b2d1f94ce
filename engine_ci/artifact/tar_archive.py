"""Opens tar archives: read once from first to last, every file written and hashed on the way."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from engine_ci.artifact import links, names, tar_members
from engine_ci.artifact.archive import Archive, Entry, member_refused, readable, write
from engine_ci.artifact.compressed import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine_ci.artifact.archive import Limits, Unpacked
    from engine_ci.artifact.tar_members import Member


@contextmanager
def opened(
    path: Path,
    *,
    name: str,
    into: Path,
    limits: Limits,
    decompressed: Callable[[BinaryIO], Iterator[bytes]],
) -> Iterator[Archive]:
    """As `unpack.opened` says; `decompressed` gives the tar archive piece by piece."""
    with readable(name), path.open("rb") as source:
        most = limits.unpacked(path.stat().st_size)
        stream = Stream(decompressed(source), most=most, archive=name)
        archive = _read(stream, name=name, into=into, limits=limits)
    yield archive


def _read(stream: Stream, *, name: str, into: Path, limits: Limits) -> Archive:
    taken = names.Taken()
    written: dict[str, Unpacked] = {}
    places: dict[str, str] = {}
    for member in tar_members.members(stream, archive=name, limits=limits):
        if member.kind == "folder":
            continue
        if taken.hides(member.path):
            raise member_refused(name, member.path, "another one hides it")
        if member.kind == "file":
            written[member.path] = write(
                stream.pieces(member.size), into / member.path, executable=member.executable
            )
        else:
            places[member.path] = _place(member, archive=name)
    files = {
        path: Entry(path=path, size=file.size, fingerprint=file.sha256)
        for path, file in written.items()
    }
    ends = links.resolved(places, files=files, archive=name)
    return Archive(files, links=ends, write=written.__getitem__)


def _place(member: Member, *, archive: str) -> str:
    """Where a link leads: a hard link names a member, a symbolic one begins in its own folder."""
    folder = "" if member.kind == "hardlink" else posixpath.dirname(member.path)
    return links.place(member.path, to=member.target, folder=folder, archive=archive)
