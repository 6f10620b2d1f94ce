"""The images of an archive: unpacked and read when the closure first asks for them.

Most of a wheel is no part of the engine, so most of it is never written to the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact import elf

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.elf import Image


class ArchivedImages:
    """Every file of an archive, by path, seen as an image; a link is the file that it leads to.

    Asking for one that is no ELF image raises VerificationError.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._read: dict[Path, Image] = {}

    def __getitem__(self, path: str, /) -> Image:
        file = self._archive.unpack(path).path
        if file not in self._read:
            self._read[file] = elf.read(file)
        return self._read[file]

    def __contains__(self, path: object, /) -> bool:
        return path in self._archive.entries
