"""Unpacks wheels from strangers: bounded, streamed, hashed on the way, refused when in doubt."""

from __future__ import annotations

import errno
import hashlib
import stat
import struct
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact import names
from engine_ci.errors import OutsideError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from zipfile import ZipFile, ZipInfo

_PIECE = 1 << 17
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    OSError,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is too much. Sizes in bytes; `ratio` is unpacked size over the archive's size."""

    files: int = 20_000
    file_size: int = 2 << 30
    total_size: int = 4 << 30
    ratio: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file in an archive, as the archive describes it; `path` is relative and POSIX."""

    path: str
    size: int
    crc: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A file that was unpacked and hashed."""

    path: Path
    size: int
    sha256: str


class Archive:
    """A wheel whose every member was found fit to be written.

    Attributes:
        entries: its files, by path.
    """

    def __init__(self, path: Path, *, opened: ZipFile, into: Path) -> None:
        self.entries = {
            info.filename: Entry(path=info.filename, size=info.file_size, crc=info.CRC)
            for info in opened.infolist()
            if not info.is_dir()
        }
        self._path = path
        self._opened = opened
        self._into = into
        self._unpacked: dict[str, Unpacked] = {}

    def unpack(self, path: str) -> Unpacked:
        """Writes one file, the first time it is asked for.

        Raises:
            VerificationError: its bytes are damaged.
        """
        if path not in self._unpacked:
            with _readable(self._path):
                self._unpacked[path] = _write(self._opened, path, self._into / path)
        return self._unpacked[path]


@contextmanager
def opened(path: Path, *, into: Path, limits: Limits | None = None) -> Iterator[Archive]:
    """Opens a wheel whose files can be unpacked into the folder `into`.

    Raises:
        VerificationError: no archive, a damaged one, or one with a member that must not be written.
    """
    with ExitStack() as stack:
        with _readable(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
            _check(archive.infolist(), archive=path, limits=limits or Limits())
        yield Archive(path, opened=archive, into=into)


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Turns all that zipfile raises over damaged bytes into one clear refusal."""
    with archive.open("rb") as stream:
        head = stream.read(512)
    if not head.startswith(b"PK"):
        page = head.lstrip().lower().startswith((b"<!doctype", b"<html"))
        found = "an HTML page" if page else "something else"
        raise VerificationError(
            f"{archive.name}: expected a zip archive, found {found}",
            hint="a proxy or an error page may stand between this machine and the index",
        )
    try:
        yield
    except _BROKEN as error:
        # A damaged directory sends zipfile to impossible places; other faults are the system's.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise OutsideError(f"{archive.name} cannot be unpacked: {error}") from error
        raise VerificationError(
            f"{archive.name}: the archive is truncated or damaged: {error}",
            hint="fetch it again",
        ) from error


def _check(infos: Sequence[ZipInfo], *, archive: Path, limits: Limits) -> None:
    for info in infos:
        fault = _fault(info, limits)
        if fault is not None:
            # Quoted with escapes: the name may hold anything.
            raise _refused(archive, f"the member {info.orig_filename!a} is refused: {fault}")
    files = [info.filename for info in infos if not info.is_dir()]
    hidden = names.collision(files)
    if hidden is not None:
        raise _refused(archive, f"the member {hidden!a} is refused: another one hides it")
    total = sum(info.file_size for info in infos)
    for what, found, most in (
        ("files", len(infos), limits.files),
        ("bytes", total, limits.total_size),
        ("times its own size", total // archive.stat().st_size, limits.ratio),
    ):
        if found > most:
            raise _refused(archive, f"it would unpack to {found} {what}, expected at most {most}")


def _fault(info: ZipInfo, limits: Limits) -> str | None:
    mode = info.external_attr >> 16
    own_kinds = (0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG)
    faults = {
        "it is a symbolic link": stat.S_ISLNK(mode),
        "it is neither a file nor a folder": stat.S_IFMT(mode) not in own_kinds,
        "it is encrypted": info.flag_bits & _ENCRYPTED,
        f"its compression method is {info.compress_type}": info.compress_type not in _METHODS,
        f"it has {info.file_size} bytes, expected at most {limits.file_size}": (
            info.file_size > limits.file_size
        ),
    }
    found = (fault for fault, applies in faults.items() if applies)
    return names.fault(info.orig_filename) or next(found, None)


def _write(opened: ZipFile, member: str, path: Path) -> Unpacked:
    mode = opened.getinfo(member).external_attr >> 16
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    with opened.open(member) as source, path.open("wb") as target:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += target.write(piece)
    path.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
    return Unpacked(path=path, size=size, sha256=digest.hexdigest())


def _refused(archive: Path, why: str) -> VerificationError:
    return VerificationError(f"{archive.name}: {why}", hint="do not use this file")
