"""Reads the members of a tar archive in their order, each one whole or not at all.

`tarfile` parses a header. Walking from header to header is done here, because `tarfile` takes a
damaged header for the end of the archive, reads extensions of any size, and knows sparse files.
"""

from __future__ import annotations

import re
import stat
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine_ci.artifact import names
from engine_ci.artifact.archive import member_refused, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.artifact.archive import Limits
    from engine_ci.artifact.compressed import Stream

Kind = Literal["file", "folder", "symlink", "hardlink"]

_BLOCK = 512
_MOST_EXTENSION = 1 << 16
_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
}
_LONG = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)
_RECORD = re.compile(rb"(\d{1,6}) ([^=\n]+)=")
_MOST_RECORDS = 256
_MEANT = ("path", "linkpath", "size")


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A member that may be unpacked; of a link, `target` is what it holds."""

    path: str
    kind: Kind
    size: int = 0
    target: str = ""
    executable: bool = False


def members(stream: Stream, *, archive: str, limits: Limits) -> Iterator[Member]:
    """Every member, each when its content is what `stream` gives next.

    The caller reads the content of a file, all of it, before it asks for the next member.

    Raises:
        VerificationError: a member must not be unpacked, with its name; or there are too many.
        tarfile.TarError, ValueError, EOFError: the archive is damaged.
    """
    told: dict[str, str] = {}
    count = 0
    while header := _header(stream):
        count += 1
        if count > limits.files:
            raise refused(archive, f"it has more than {limits.files} members, the most expected")
        if header.type in _LONG or header.type in _PAX:
            _tell(told, header, stream=stream, archive=archive)
            continue
        member = _member(header, told=told, archive=archive, limits=limits)
        told = {}
        if member.path:
            yield member
        _skip_padding(stream, member.size)
    if told:
        msg = "an extension of no member"
        raise tarfile.ReadError(msg)


def _header(stream: Stream) -> tarfile.TarInfo | None:
    block = stream.read(_BLOCK)
    if any(block):
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    if any(stream.read(_BLOCK)) or not stream.only_zeros_follow():
        msg = "something follows its end"
        raise tarfile.ReadError(msg)
    return None


def _skip_padding(stream: Stream, size: int) -> None:
    stream.read(-size % _BLOCK)


def _tell(told: dict[str, str], header: tarfile.TarInfo, *, stream: Stream, archive: str) -> None:
    """Notes what an extension tells of the next member."""
    if not 0 <= header.size <= _MOST_EXTENSION:
        raise member_refused(archive, header.name, f"its extension has {header.size} bytes")
    content = stream.read(header.size)
    _skip_padding(stream, header.size)
    if header.type in _LONG:
        records = [(_LONG[header.type], content.partition(b"\0")[0])]
    else:
        records = list(_records(content))
    for key, value in records:
        if key.startswith("GNU.sparse.") or key == "SCHILY.realsize":
            raise member_refused(archive, told.get("path", header.name), "it is a sparse file")
        if key in _MEANT:
            if key in told or header.type == tarfile.XGLTYPE:
                raise member_refused(archive, header.name, f"its {key} is told twice")
            told[key] = value.decode(errors="surrogateescape")


def _records(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The records of a PAX extension: `length key=value`, the length being the whole record's."""
    at = 0
    for _ in range(_MOST_RECORDS):
        if at == len(content):
            return
        found = _RECORD.match(content, at)
        end = at + int(found[1]) if found else 0
        if not found or end <= found.end() or content[end - 1 : end] != b"\n":
            break
        yield found[2].decode(errors="replace"), content[found.end() : end - 1]
        at = end
    msg = "an extension cannot be read"
    raise tarfile.ReadError(msg)


def _member(
    header: tarfile.TarInfo, *, told: dict[str, str], archive: str, limits: Limits
) -> Member:
    name = told.get("path", header.name)
    if header.type == tarfile.DIRTYPE and name.rstrip("/") == ".":
        return Member(path="", kind="folder")
    path = name.removeprefix("./")
    told_size = told.get("size", str(header.size))
    fault = names.fault(path) or _fault(header, path=path, size=told_size, limits=limits)
    if fault is not None:
        raise member_refused(archive, name, fault)
    return Member(
        path=path,
        kind=_KINDS[header.type],
        size=header.size,
        target=told.get("linkpath", header.linkname),
        executable=bool(header.mode & stat.S_IXUSR),
    )


def _fault(header: tarfile.TarInfo, *, path: str, size: str, limits: Limits) -> str | None:
    kind = _KINDS.get(header.type)
    faults = {
        "it is a sparse file": header.type == tarfile.GNUTYPE_SPARSE,
        "it is neither a file, a folder nor a link": kind is None,
        "it is called as a folder and is none": kind != "folder" and path.endswith("/"),
        "its size is told twice": size != str(header.size),
        f"it has {header.size} bytes, expected at most {limits.file_size}": (
            not 0 <= header.size <= limits.file_size
        ),
        "it has content and is no file": kind != "file" and header.size != 0,
    }
    return next((fault for fault, applies in faults.items() if applies), None)
