"""The images of an archive: unpacked and read when the closure first asks for them.

Most of a wheel is no part of the engine, so most of it is never written to the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact import elf

if TYPE_CHECKING:
    from engine_ci.artifact.elf import Image
    from engine_ci.artifact.unpack import Archive


class ArchivedImages:
    """Every file of an archive, by path, seen as an image.

    Asking for one that is no ELF image raises VerificationError.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._read: dict[str, Image] = {}

    def __getitem__(self, path: str, /) -> Image:
        if path not in self._read:
            self._read[path] = elf.read(self._archive.unpack(path).path)
        return self._read[path]

    def __contains__(self, path: object, /) -> bool:
        return path in self._archive.entries
