"""Opens archives from strangers: the bytes tell the kind, and the name must tell the same."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine_ci.artifact import compressed, tar_archive, zip_archive
from engine_ci.artifact.archive import Limits, refused
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine_ci.artifact.archive import Archive


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """What archives of a kind are called, what stands `at` which byte, and what opens one."""

    name: str
    endings: tuple[str, ...]
    magic: bytes
    opened: Callable[..., AbstractContextManager[Archive]]
    at: int = 0


_KINDS = (
    _Kind(
        name="a zip archive",
        endings=(".whl", ".zip"),
        magic=b"PK",
        opened=zip_archive.opened,
    ),
    _Kind(
        name="a gzip archive",
        endings=(".tar.gz", ".tgz"),
        magic=b"\x1f\x8b",
        opened=partial(tar_archive.opened, decompressed=compressed.gunzipped),
    ),
    _Kind(
        name="an xz archive",
        endings=(".tar.xz", ".txz"),
        magic=b"\xfd7zXZ\0",
        opened=partial(tar_archive.opened, decompressed=compressed.unxzed),
    ),
    _Kind(
        name="a tar archive",
        endings=(".tar",),
        magic=b"ustar",
        at=257,
        opened=partial(tar_archive.opened, decompressed=compressed.plain),
    ),
)


@contextmanager
def opened(path: Path, *, name: str, into: Path, limits: Limits | None = None) -> Iterator[Archive]:
    """Opens an archive whose files can be unpacked into the new folder `into`.

    Args:
        path: the file, whatever it is called here.
        name: what its publisher calls it.
        into: nothing is written elsewhere, whatever the archive says.
        limits: what is too much.

    Raises:
        VerificationError: no archive, another kind than its name says, a damaged one, or one with
            a member that must not be written.
    """
    kind = _kind(path, name=name)
    with kind.opened(path, name=name, into=into, limits=limits or Limits()) as archive:
        yield archive


def _kind(path: Path, *, name: str) -> _Kind:
    with path.open("rb") as stream:
        head = stream.read(512)
    found = next((kind for kind in _KINDS if head.startswith(kind.magic, kind.at)), None)
    named = next((kind for kind in _KINDS if name.endswith(kind.endings)), None)
    if named is None:
        endings = ", ".join(ending for kind in _KINDS for ending in kind.endings)
        raise refused(name, f"expected a name with one of the endings {endings}")
    if found is not named:
        raise VerificationError(
            f"{name}: expected {named.name}, found {found.name if found else _what(head)}",
            hint="a proxy or an error page may stand between this machine and the source",
        )
    return named


def _what(head: bytes) -> str:
    page = head.lstrip().lower().startswith((b"<!doctype", b"<html"))
    return "an HTML page" if page else "something else"
