"""What archives from strangers have in common: files, links, limits, and how one is refused."""

from __future__ import annotations

import hashlib
import lzma
import struct
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine_ci.errors import OutsideError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

PIECE = 1 << 17
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is too much. Sizes in bytes.

    Attributes:
        files: members, of whatever kind.
        ratio: unpacked size over the archive's size, counted from `always` bytes on.
    """

    files: int = 20_000
    file_size: int = 2 << 30
    total_size: int = 4 << 30
    ratio: int = 100
    always: int = 1 << 20

    def unpacked(self, archive_size: int) -> int:
        """The most bytes that an archive of `archive_size` bytes may become."""
        return min(self.total_size, max(self.always, self.ratio * archive_size))


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file in an archive, or a link to one, which stands for it; `path` is relative and POSIX.

    Attributes:
        size: bytes of the content.
        fingerprint: equal for equal contents, within one archive.
        target: the path of the file that a link leads to in the end; None where it is no link.
    """

    path: str
    size: int
    fingerprint: str
    target: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A file that was unpacked and hashed."""

    path: Path
    size: int
    sha256: str


class Archive:
    """An archive whose every member was found fit to be written.

    Attributes:
        entries: its files and links, by path.
    """

    def __init__(
        self,
        files: Mapping[str, Entry],
        *,
        links: Mapping[str, str],
        write: Callable[[str], Unpacked],
    ) -> None:
        """Takes the files by path, the file that each link leads to, and what writes a file."""
        self.entries: Mapping[str, Entry] = dict(files) | {
            path: replace(files[target], path=path, target=target) for path, target in links.items()
        }
        self._write = write
        self._unpacked: dict[str, Unpacked] = {}

    def unpack(self, path: str) -> Unpacked:
        """The file at `path`, or that the link there leads to; written at most once.

        Raises:
            VerificationError: its bytes are damaged.
        """
        real = self.entries[path].target or path
        if real not in self._unpacked:
            self._unpacked[real] = self._write(real)
        return self._unpacked[real]


def write(pieces: Iterable[bytes | memoryview], path: Path, *, executable: bool) -> Unpacked:
    """Writes a new file and hashes it on the way."""
    digest = hashlib.sha256()
    size = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            for piece in pieces:
                digest.update(piece)
                size += target.write(piece)
    except OSError as problem:
        problem.filename = problem.filename or str(path)  # a full disk is told without
        raise
    path.chmod(0o755 if executable else 0o644)
    return Unpacked(path=path, size=size, sha256=digest.hexdigest())


@contextmanager
def readable(archive: str) -> Iterator[None]:
    """Turns all that the libraries raise over damaged bytes into one clear refusal."""
    try:
        yield
    except OSError as error:
        raise OutsideError(f"{archive} cannot be unpacked: {error}") from error
    except _BROKEN as error:
        raise VerificationError(
            f"{archive}: the archive is truncated or damaged: {error}", hint="fetch it again"
        ) from error


def refused(archive: str, why: str) -> VerificationError:
    """The error for an archive that nobody should unpack."""
    return VerificationError(f"{archive}: {why}", hint="do not use this file")


def member_refused(archive: str, member: str, why: str) -> VerificationError:
    """The same, for the fault of one member."""
    # Quoted with escapes: the name may hold anything.
    return refused(archive, f"the member {member!a} is refused: {why}")
