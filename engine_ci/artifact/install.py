"""Puts a finished bundle in the place of the old one: a reader finds one of them, never a mixture.

One exchange does it, or two renames where the file system has none. A run that was killed between
those left the old bundle beside its place, and the next run puts it back before anything else.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock

from engine_ci.errors import UsageError
from engine_ci.records.bundle import RECORD
from engine_ci.system.exchange import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(into: Path) -> Iterator[Path]:
    """An empty folder beside `into`; what the block leaves there as `bundle` takes its place.

    Only one run at a time works on the same place; another one waits.

    Raises:
        UsageError: `into` holds something that is no bundle.
    """
    into = into.resolve()
    into.parent.mkdir(parents=True, exist_ok=True)
    work = into.with_name(f".{into.name}.work")
    old = into.with_name(f".{into.name}.old")
    with FileLock(into.with_name(f".{into.name}.lock")):
        _recover(into, work=work, old=old)
        _check(into)
        work.mkdir()
        try:
            yield work
            _swap(work / "bundle", into=into, old=old)
        finally:
            _recover(into, work=work, old=old)


def _recover(into: Path, *, work: Path, old: Path) -> None:
    """Undoes or finishes what a run left half done, this one or one that was killed."""
    if old.exists() and not into.exists():
        old.rename(into)
    for leftover in (work, old):
        if leftover.exists():
            shutil.rmtree(leftover)


def _check(into: Path) -> None:
    empty = not into.exists() or (into.is_dir() and not any(into.iterdir()))
    if not empty and not (into / RECORD).is_file():
        raise UsageError(
            f"{into} holds something that is no bundle, and a bundle would take its place",
            hint="name an empty or a new folder",
        )


def _swap(new: Path, *, into: Path, old: Path) -> None:
    if into.exists():
        if exchange(new, into):
            return
        into.rename(old)
    new.rename(into)
