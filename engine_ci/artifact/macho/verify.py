"""Verifies embedded signatures: the layout, what is sealed besides, and the hash of every page.

What a certificate says is not checked: an engine that we sign has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import pages, signature
from engine_ci.artifact.macho.superblob import Slot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

    from engine_ci.artifact.macho.code_directory import CodeDirectory
    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.signature import Signature

_MOST_NAMED = 8
# Files of an app's folder, where code in an app is signed; a lone file has none of them.
_OUTSIDE = frozenset({Slot.INFO_PLIST, Slot.RESOURCES})


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was found in one slice of a file.

    Attributes:
        signature: None when there is none.
        faults: what is wrong; none when every byte is as it was signed.
    """

    arch: str
    signature: Signature | None
    faults: tuple[str, ...]


def verify(path: Path) -> tuple[Verified, ...]:
    """Verifies every slice of a file, in its order, reading it piece by piece.

    Raises:
        MachOError: it is no Mach-O file, or it or a signature in it is too damaged to be read.
        OutsideError: it cannot be read.
    """
    with pages.opened(path) as source:
        return tuple(_verified(image, source.stream) for image in source.slices)


def _verified(image: Slice, stream: BufferedReader) -> Verified:
    found = signature.read(image)
    if found is None:
        return Verified(arch=image.arch, signature=None, faults=("it is not signed",))
    # Where the layout is wrong, the hashes are over the wrong bytes.
    faults = tuple(_layout(image, found)) or tuple(_content(image, found, stream))
    return Verified(arch=image.arch, signature=found, faults=faults)


def _layout(image: Slice, found: Signature) -> Iterator[str]:
    """What codesign and the kernel would not take of where things are."""
    end = found.offset + found.room
    ends = [segment.offset + segment.file_size for segment in image.segments]
    if not end == len(image.data) == max(ends, default=0):
        yield (
            f"the signature ends at byte {end}, the last segment at {max(ends, default=0)} "
            f"and the image at {len(image.data)}, expected one end"
        )
    for directory in found.directories:
        if directory.code_limit != found.offset:
            yield (
                f"{directory.code_limit} bytes are signed, expected the {found.offset} "
                f"before the signature"
            )
    text = next((segment for segment in image.segments if segment.name == "__TEXT"), None)
    base, limit, _ = found.directory.exec_segment
    if text is not None and not (base == text.offset and limit <= text.file_size):
        yield f"the executable part is {limit} bytes at byte {base}, expected it in __TEXT"
    if not found.ad_hoc and not found.has_certificate:
        yield "it is neither signed ad hoc nor with a certificate"


def _content(image: Slice, found: Signature, stream: BufferedReader) -> Iterator[str]:
    for directory in found.directories:
        yield from _seals(image, found, directory)
        yield from _pages(image, directory, stream)


def _seals(image: Slice, found: Signature, directory: CodeDirectory) -> Iterator[str]:
    sealed = found.sealed
    plist = signature.info_plist(image)
    if plist is not None:
        sealed[Slot.INFO_PLIST] = image.data[plist.offset : plist.offset + plist.size]
    for slot, digest in directory.special.items():
        if slot in sealed:
            if directory.algorithm.of(sealed[slot]) != digest:
                yield f"the {directory.algorithm.name} of what is in slot {slot} is another"
        elif slot not in _OUTSIDE:
            yield f"slot {slot} is sealed, and nothing is in it"
    for slot in sorted(sealed.keys() - directory.special.keys() - _OUTSIDE):
        yield f"what is in slot {slot} is not sealed"


def _pages(image: Slice, directory: CodeDirectory, stream: BufferedReader) -> Iterator[str]:
    wrong = list(_wrong_pages(image, directory, stream))
    if wrong:
        named = ", ".join(str(number) for number in wrong[:_MOST_NAMED])
        more = f" and {len(wrong) - _MOST_NAMED} others" if len(wrong) > _MOST_NAMED else ""
        yield (
            f"the {directory.algorithm.name} of page {named}{more} is another "
            f"(pages of {directory.page_size} bytes, from 0)"
        )


def _wrong_pages(image: Slice, directory: CodeDirectory, stream: BufferedReader) -> Iterator[int]:
    size, limit = directory.algorithm.size, directory.code_limit
    place = 0
    for piece in pages.pieces(stream, start=image.offset, size=limit, end=limit):
        found = pages.digests(piece, page_size=directory.page_size, algorithm=directory.algorithm)
        expected = directory.pages[place : place + len(found)]
        if found != expected:
            yield from (
                (place + at) // size
                for at in range(0, len(found), size)
                if found[at : at + size] != expected[at : at + size]
            )
        place += len(found)
