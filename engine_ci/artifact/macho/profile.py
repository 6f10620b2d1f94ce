"""Pure. How an ad-hoc signature is laid out: as `codesign -s -` does it, or as one that is there.

What goes into a signature besides the hashes of pages is decided here, so that the same image and
identifier give the same bytes, and those that Apple's signer would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import code_directory, signature, superblob
from engine_ci.artifact.macho.algorithms import SHA256
from engine_ci.artifact.macho.code_directory import ADHOC, MAIN_BINARY, ExecSegment
from engine_ci.artifact.macho.layout import FileType
from engine_ci.artifact.macho.superblob import EMPTY_CMS, EMPTY_REQUIREMENTS, Slot
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.artifact.macho.layout import Slice

_SPARE = 18000  # what codesign sets apart for a certificate that does not come
_ALIGNMENT = 16
_PAGE_SIZES = {"arm64": 0x4000, "arm64e": 0x4000}
_OLDER_PAGE = 0x1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """All of a signature but the hashes of the pages.

    Attributes:
        page_size: in bytes.
        sealed: blobs that the code directory seals, by slot.
        special: hashes by slot of those and of the Info.plist in the image.
        cms: the blob in the place of a certificate's signature.
        first: where the code directory begins, when that is behind the index.
        hash_offset: where in it the hashes begin, when there is room between.
        spare: how many bytes to set apart beyond the signature.
        alignment: what the room for the signature is rounded up to, and its beginning.
        room: what is set apart at least.
    """

    identifier: str
    flags: int
    page_size: int
    exec_segment: ExecSegment
    sealed: Mapping[int, bytes]
    special: Mapping[int, bytes]
    cms: bytes | None
    first: int = 0
    hash_offset: int = 0
    spare: int = 0
    alignment: int = 1
    room: int = 0

    def build(self, *, code_limit: int, pages: bytes) -> bytes:
        """The signature over the first `code_limit` bytes, with the hashes of their pages."""
        directory = code_directory.build(
            identifier=self.identifier,
            flags=self.flags,
            page_size=self.page_size,
            code_limit=code_limit,
            special=self.special,
            pages=pages,
            exec_segment=self.exec_segment,
            hash_offset=self.hash_offset,
        )
        blobs: dict[int, bytes] = {Slot.CODE_DIRECTORY: directory, **self.sealed}
        if self.cms is not None:
            blobs[Slot.CMS] = self.cms
        return superblob.build(blobs, first=self.first)

    def room_for(self, code_limit: int) -> int:
        """How many bytes to set apart for the signature over `code_limit` bytes."""
        hashes = bytes(code_directory.slots(code_limit, page_size=self.page_size) * SHA256.size)
        length = len(self.build(code_limit=code_limit, pages=hashes))
        return max(self.room, rounded(length + self.spare, self.alignment))


def codesign(image: Slice, *, identifier: str) -> Profile:
    """As `codesign --sign -` does today: pages of 16 kB on arm64, three blobs, no certificate.

    Raises:
        MachOError: the identifier is none.
    """
    if not identifier or not identifier.isprintable():
        raise MachOError(f"expected an identifier that can be written, found {identifier!a}")
    sealed: dict[int, bytes] = {Slot.REQUIREMENTS: EMPTY_REQUIREMENTS}
    text = next((segment for segment in image.segments if segment.name == "__TEXT"), None)
    return Profile(
        identifier=identifier,
        flags=ADHOC,
        page_size=_PAGE_SIZES.get(image.arch, _OLDER_PAGE),
        exec_segment=ExecSegment(
            base=text.offset if text else 0,
            limit=text.file_size if text else 0,
            flags=MAIN_BINARY if image.header.filetype == FileType.EXECUTE else 0,
        ),
        sealed=sealed,
        special=_special(image, sealed),
        cms=EMPTY_CMS,
        spare=_SPARE,
        alignment=_ALIGNMENT,
    )


def kept(image: Slice) -> Profile:
    """As the signature that is there: its identifier, flags, page size, blobs and places.

    Raises:
        MachOError: there is none, or another than an ad-hoc one with one code directory of sha256
            hashes, which is all we make.
    """
    found = signature.read(image)
    if found is None:
        raise MachOError("expected a signed image, found one that is not signed")
    directory = found.directory
    if not found.ad_hoc or [each.algorithm for each in found.directories] != [SHA256]:
        raise MachOError(
            "expected an ad-hoc signature with sha256 hashes alone, found another kind",
            hint="sign it anew",
        )
    sealed = {slot: bytes(blob) for slot, blob in found.sealed.items()}
    cms = next((bytes(blob.data) for blob in found.blobs if blob.slot == Slot.CMS), None)
    return Profile(
        identifier=directory.identifier,
        flags=directory.flags,
        page_size=directory.page_size,
        exec_segment=directory.exec_segment,
        sealed=sealed,
        special={**directory.special, **_special(image, sealed)},
        cms=cms,
        first=found.blobs[0].offset,
        hash_offset=directory.hash_offset,
        room=found.room,
    )


def rounded(size: int, alignment: int) -> int:
    """`size`, up to the next multiple of `alignment`."""
    return size + -size % alignment


def _special(image: Slice, sealed: Mapping[int, bytes]) -> dict[int, bytes]:
    special = {slot: SHA256.of(blob) for slot, blob in sealed.items()}
    plist = signature.info_plist(image)
    if plist is not None:
        content = image.data[plist.offset : plist.offset + plist.size]
        special[Slot.INFO_PLIST] = SHA256.of(content)
    return special
