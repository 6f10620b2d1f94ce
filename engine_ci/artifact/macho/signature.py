"""Pure. The signature that an image carries: its blobs, and what its code directories say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import code_directory, commands, superblob
from engine_ci.artifact.macho.code_directory import ADHOC, LINKER_SIGNED
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.superblob import BLOB_HEAD, DIRECTORIES, SEALED, Slot
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from engine_ci.artifact.macho.code_directory import CodeDirectory
    from engine_ci.artifact.macho.layout import Section, Slice
    from engine_ci.artifact.macho.superblob import Blob

_MOST_BYTES = 1 << 26  # with pages of 4 kB, that of an image of 8 GB


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """An embedded signature.

    Attributes:
        offset: where it begins in the image.
        room: how many bytes are set apart for it.
        blobs: all that it holds.
        directories: the code directory, and any others for other kinds of hashes.
    """

    offset: int
    room: int
    blobs: tuple[Blob, ...]
    directories: tuple[CodeDirectory, ...]

    @property
    def directory(self) -> CodeDirectory:
        """The one that counts: of the strongest kind of hash."""
        return max(self.directories, key=lambda each: each.algorithm.rank)

    @property
    def sealed(self) -> dict[int, memoryview]:
        """The blobs that a code directory holds hashes of, by slot."""
        return {blob.slot: blob.data for blob in self.blobs if blob.slot in SEALED}

    @property
    def cdhash(self) -> str:
        """The name by which macOS knows this code, in hexadecimal."""
        return self.directory.cdhash

    @property
    def has_certificate(self) -> bool:
        """Whether a CMS signature is in it; what that says is not checked here."""
        return any(blob.slot == Slot.CMS and len(blob.data) > BLOB_HEAD.size for blob in self.blobs)

    @property
    def ad_hoc(self) -> bool:
        """Whether it says that nobody vouches for the code."""
        return bool(self.directory.flags & ADHOC)

    @property
    def linker_signed(self) -> bool:
        """Whether it says that a linker made it."""
        return bool(self.directory.flags & LINKER_SIGNED)


def read(image: Slice) -> Signature | None:
    """The signature of an image; None when it has none.

    Raises:
        MachOError: it is damaged.
    """
    command = image.one(LC.CODE_SIGNATURE)
    if command is None:
        return None
    data = image.linkedit(command)
    if len(data) > _MOST_BYTES:
        raise MachOError(f"code signature: expected at most {_MOST_BYTES} bytes, found {len(data)}")
    blobs = superblob.parse(data)
    directories = tuple(
        code_directory.parse(blob.data) for blob in blobs if blob.slot in DIRECTORIES
    )
    if not directories:
        raise MachOError("code signature: expected a code directory, found none")
    placed = commands.LINKEDIT.read(image.body(command), 0, what="CODE_SIGNATURE command")
    return Signature(offset=placed.offset, room=len(data), blobs=blobs, directories=directories)


def info_plist(image: Slice) -> Section | None:
    """The Info.plist that a program without a bundle carries, which its signature seals."""
    return next(
        (
            section
            for segment in image.segments
            for section in segment.sections
            if (section.segment, section.name) == ("__TEXT", "__info_plist")
        ),
        None,
    )
