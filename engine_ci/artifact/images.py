"""The images of an archive: unpacked and read when the closure first asks for them.

Most of a wheel is no part of the engine, so most of it is never written to the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine_ci.artifact.archive import Archive

ImageT = TypeVar("ImageT")


class ArchivedImages(Generic[ImageT]):
    """Every file of an archive, by path, seen as an image; a link is the file that it leads to.

    Asking for one that is no image raises VerificationError.
    """

    def __init__(self, archive: Archive, *, read: Callable[[Path], ImageT]) -> None:
        self._archive = archive
        self._read = read
        self._images: dict[Path, ImageT] = {}

    def __getitem__(self, path: str, /) -> ImageT:
        file = self._archive.unpack(path).path
        if file not in self._images:
            self._images[file] = self._read(file)
        return self._images[file]

    def __contains__(self, path: object, /) -> bool:
        return path in self._archive.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._archive.entries)
