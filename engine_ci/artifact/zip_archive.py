"""Opens zip archives and wheels: files are written one by one, when they are asked for."""

from __future__ import annotations

import posixpath
import stat
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from engine_ci.artifact import links, names, zip_layout
from engine_ci.artifact.archive import (
    PIECE,
    Archive,
    Entry,
    Limits,
    Unpacked,
    member_refused,
    readable,
    refused,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from zipfile import ZipFile, ZipInfo

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def opened(path: Path, *, name: str, into: Path, limits: Limits) -> Iterator[Archive]:
    """As `unpack.opened` says."""
    with path.open("rb") as stream:
        with readable(name):
            archive = _read(stream, name=name, into=into, limits=limits)
        yield archive


def _read(stream: BinaryIO, *, name: str, into: Path, limits: Limits) -> Archive:
    told = zip_layout.count(stream, archive=name, most=limits.files)
    opened = zipfile.ZipFile(stream)
    members = opened.infolist()
    zip_layout.check(members, told=told, stream=stream, directory=opened.start_dir, archive=name)
    _check(members, archive=name, most=limits.unpacked(stream.seek(0, 2)), limits=limits)
    files = {
        info.filename: Entry(path=info.filename, size=info.file_size, fingerprint=f"{info.CRC:08x}")
        for info in members
        if not info.is_dir() and not _is_link(info)
    }
    places = {
        info.filename: links.place(
            info.filename,
            to=opened.read(info).decode(errors="surrogateescape"),
            folder=posixpath.dirname(info.filename),
            archive=name,
        )
        for info in members
        if _is_link(info)
    }

    def unpack(path: str) -> Unpacked:
        with readable(name):
            return _write(opened, path, into / path)

    return Archive(files, links=links.resolved(places, files=files, archive=name), write=unpack)


def _check(members: Sequence[ZipInfo], *, archive: str, most: int, limits: Limits) -> None:
    taken = names.Taken()
    for info in members:
        fault = _fault(info, limits)
        if fault is None and not info.is_dir() and taken.hides(info.filename):
            fault = "another one hides it"
        if fault is not None:
            raise member_refused(archive, info.orig_filename, fault)
    total = sum(info.file_size for info in members)
    if total > most:
        raise refused(archive, f"it would unpack to {total} bytes, expected at most {most}")


def _fault(info: ZipInfo, limits: Limits) -> str | None:
    mode = info.external_attr >> 16
    own_kinds = (0, stat.S_IFDIR) if info.is_dir() else (0, stat.S_IFREG, stat.S_IFLNK)
    most = names.MAX_PATH if _is_link(info) else limits.file_size
    faults = {
        "it has two names": info.filename != info.orig_filename,
        "it is neither a file nor a folder": stat.S_IFMT(mode) not in own_kinds,
        "it is a folder with content": info.is_dir() and info.file_size > 0,
        "it is encrypted": info.flag_bits & _ENCRYPTED,
        f"its compression method is {info.compress_type}": info.compress_type not in _METHODS,
        f"it has {info.file_size} bytes, expected at most {most}": info.file_size > most,
    }
    found = (fault for fault, applies in faults.items() if applies)
    return names.fault(info.orig_filename) or next(found, None)


def _is_link(info: ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _write(opened: ZipFile, member: str, path: Path) -> Unpacked:
    mode = opened.getinfo(member).external_attr >> 16
    with opened.open(member) as source:
        pieces = iter(lambda: source.read(PIECE), b"")
        return write(pieces, path, executable=bool(mode & stat.S_IXUSR))
