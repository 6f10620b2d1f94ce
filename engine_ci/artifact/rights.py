"""What the rights of an engine's files allow that nobody should be allowed, and what they forbid.

Archives cannot say: of theirs, "executable" alone is taken. This is for folders that somebody laid
out, or that lay somewhere for a while.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from engine_ci.records.bundle import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SET_ID: Final = stat.S_ISUID | stat.S_ISGID


def findings(folder: Path) -> Iterator[AuditFinding]:
    """What is wrong with everything below a folder, by path from there; links have no rights."""
    for path in sorted(folder.rglob("*")):
        for message in _faults(path.lstat().st_mode):
            where = path.relative_to(folder).as_posix()
            yield AuditFinding(level="error", path=where, message=message)


def is_program(file: Path) -> bool:
    """Whether its owner may start a file."""
    return bool(file.stat().st_mode & stat.S_IXUSR)


def _faults(mode: int) -> Iterator[str]:
    if stat.S_ISLNK(mode):
        return
    if mode & stat.S_IWOTH:
        yield "everybody may write it"
    # Of a folder the bit says only whose group new files are of.
    if stat.S_ISREG(mode) and mode & _SET_ID:
        yield "it has a set-id bit: it runs as its owner or group, whoever starts it"
