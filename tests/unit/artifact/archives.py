"""Archives as upstream makes them, and as nobody should: every header is under the test's hand."""

from __future__ import annotations

import gzip
import lzma
import stat
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import unpack
from engine_ci.errors import Exit, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.archive import Limits

END = bytes(1024)


def zip_file(
    folder: Path,
    *members: tuple[zipfile.ZipInfo | str, bytes],
    method: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """A wheel of these members."""
    path = folder / "toy.whl"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as made:
        warnings.simplefilter("ignore")  # of duplicate names
        for info, content in members:
            made.writestr(info, content)
    return path


def zip_member(name: str, mode: int) -> zipfile.ZipInfo:
    """A member with the mode of a Unix file."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def zip_link(name: str, to: str) -> tuple[zipfile.ZipInfo, bytes]:
    """A symbolic link as `zip -y` stores it."""
    return zip_member(name, stat.S_IFLNK | 0o777), to.encode()


def tar_header(name: str, *, kind: bytes = tarfile.REGTYPE, **changed: str | int) -> bytes:
    """One header, with its checksum."""
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in changed.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def padded(content: bytes) -> bytes:
    """Content as it follows its header."""
    return content + bytes(-len(content) % 512)


def tar_member(
    name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, **changed: str | int
) -> bytes:
    """A header and its content."""
    return tar_header(name, kind=kind, size=len(content), **changed) + padded(content)


def tar_link(name: str, to: str, *, kind: bytes = tarfile.SYMTYPE) -> bytes:
    """A link, symbolic if nothing else is said."""
    return tar_header(name, kind=kind, linkname=to)


def pax(*records: bytes | tuple[str, str], kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extension of the next member; a record is raw, or a key and its value."""
    content = b"".join(
        record if isinstance(record, bytes) else _record(*record) for record in records
    )
    return tar_member("PaxHeaders/x", content, kind=kind)


def _record(key: str, value: str) -> bytes:
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while length != len(str(length)) + len(rest):
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def tar_file(folder: Path, *parts: bytes, end: bytes = END) -> Path:
    """A tar.gz of these bytes."""
    path = folder / "toy.tar.gz"
    path.write_bytes(gzip.compress(b"".join(parts) + end))
    return path


def xz_file(folder: Path, *parts: bytes, end: bytes = END) -> Path:
    """A tar.xz of these bytes."""
    path = folder / "toy.tar.xz"
    path.write_bytes(lzma.compress(b"".join(parts) + end))
    return path


def unpack_all(path: Path, into: Path, limits: Limits | None = None) -> set[str]:
    """Unpacks everything, and returns the paths of files and links."""
    with unpack.opened(path, name=path.name, into=into, limits=limits) as opened:
        for name in opened.entries:
            opened.unpack(name)
    return set(opened.entries)


def refusal(path: Path, into: Path, limits: Limits | None = None) -> str:
    """What is said when the archive is refused; nothing was left beside `into`."""
    beside = {place for place in path.parent.iterdir() if place != into}
    with pytest.raises(VerificationError) as caught:
        unpack_all(path, into, limits)

    assert caught.value.exit_code == Exit.VERIFICATION
    assert {place for place in path.parent.iterdir() if place != into} == beside
    assert all(file.is_dir() or file.is_file() for file in into.rglob("*"))
    assert not any(file.is_symlink() for file in into.rglob("*"))
    return caught.value.message
