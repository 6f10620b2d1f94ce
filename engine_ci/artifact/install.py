"""Puts a finished bundle in the place of the old one: a reader finds one of them, never a mixture.

One exchange does it, or two renames where the file system has none. A run that was killed between
those left the old bundle beside its place, and the next run puts it back before anything else.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from engine_ci.errors import UsageError
from engine_ci.records.bundle import RECORD
from engine_ci.system.exchange import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNFINISHED_SEAL: Final = "seal.new"


@contextmanager
def alone(into: Path) -> Iterator[None]:
    """Only one run at a time works on the same place; another one waits.

    What a run left half done that was killed is undone before the block begins.
    """
    from filelock import FileLock  # noqa: PLC0415 - not needed where a bundle is there

    into = into.resolve()
    into.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(beside(into, "lock")):
        _recover(into)
        yield


@contextmanager
def replacing(into: Path) -> Iterator[Path]:
    """An empty folder beside `into`; what the block leaves there as `bundle` takes its place.

    Whoever calls this is `alone` at that place.

    Raises:
        UsageError: `into` holds something that is no bundle.
    """
    into = into.resolve()
    _check(into)
    work = beside(into, "work")
    work.mkdir()
    try:
        yield work
        _swap(work / "bundle", into=into)
    finally:
        _recover(into)


def beside(into: Path, what: str) -> Path:
    """Where something lies that belongs to a bundle and is no part of it."""
    into = into.resolve()
    return into.with_name(f".{into.name}.{what}")


def _recover(into: Path) -> None:
    """Undoes or finishes what a run left half done, this one or one that was killed."""
    old = beside(into, "old")
    if old.exists() and not into.exists():
        old.rename(into)
    for folder in (beside(into, "work"), old):
        if folder.exists():
            shutil.rmtree(folder)
    beside(into, UNFINISHED_SEAL).unlink(missing_ok=True)


def _check(into: Path) -> None:
    empty = not into.exists() or (into.is_dir() and not any(into.iterdir()))
    if not empty and not (into / RECORD).is_file():
        raise UsageError(
            f"{into} holds something that is no bundle, and a bundle would take its place",
            hint="name an empty or a new folder",
        )


def _swap(new: Path, *, into: Path) -> None:
    if into.exists():
        if exchange(new, into):
            return
        into.rename(beside(into, "old"))
    new.rename(into)
