"""What of a Mach-O image names a build: its UUID, its number, and the signature over it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import elf
from engine_ci.artifact.macho import commands, exports, pages, read, superblob
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.volatile import Volatile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.artifact.macho.layout import Section, Slice

_NUMBER: Final = f"_{elf.BUILD_NUMBER}"
_INT: Final = 4
_EXECUTABLE: Final = 4
_C_STRINGS: Final = 2  # the type of a section that holds nothing else
_TYPE: Final = 0xFF
# Within their commands, in bytes.
_UUID: Final = range(8, 24)
_SIGNATURE_SIZE: Final = range(12, 16)
_SEGMENT_SIZES: Final = (range(32, 40), range(48, 56))


def volatile(path: Path) -> Volatile:
    """Where each image of a file names its build.

    Raises:
        MachOError: it is no Mach-O file, or a damaged one.
        OutsideError: it cannot be read.
    """
    with pages.opened(path) as source:
        return Volatile(
            ranges=tuple(chain.from_iterable(map(_ranges, source.slices))),
            texts=tuple(chain.from_iterable(map(_texts, source.slices))),
        )


def _ranges(image: Slice) -> Iterator[range]:
    for place in chain(_uuid(image), _number(image), _signature(image)):
        yield _moved(place, by=image.offset)


def _texts(image: Slice) -> Iterator[range]:
    for segment in image.segments:
        for section in segment.sections:
            if section.flags & _TYPE == _C_STRINGS:
                yield _moved(_stored(section), by=image.offset)


def _uuid(image: Slice) -> Iterator[range]:
    for command in image.all(LC.UUID):
        commands.UUID.read(image.body(command), 0, what="UUID command")
        yield _moved(_UUID, by=command.offset)


def _number(image: Slice) -> Iterator[range]:
    """Where the build number is stored: the code reads it from there."""
    found = exports.find(read.export_trie(image), _NUMBER)
    base = next((each.address for each in image.segments if each.name == "__TEXT"), 0)
    for segment in image.segments:
        if found is not None and found.address is not None:
            into = base + found.address - segment.address
            fits = 0 <= into <= segment.file_size - _INT
            if fits and not segment.protection & _EXECUTABLE:
                yield range(segment.offset + into, segment.offset + into + _INT)


def _signature(image: Slice) -> Iterator[range]:
    """The signature, where it is the last of the image, and whatever tells how long it is."""
    command = image.one(LC.CODE_SIGNATURE)
    linkedit = next((each for each in image.segments if each.name == "__LINKEDIT"), None)
    if command is None or linkedit is None:
        return
    blob = image.linkedit(command)
    begin = len(image.data) - len(blob)
    placed = commands.LINKEDIT.read(image.body(command), 0, what="CODE_SIGNATURE command").offset
    last = linkedit.offset + linkedit.file_size == len(image.data)
    if placed == begin >= linkedit.offset and last and int.from_bytes(blob[:4]) == superblob.MAGIC:
        yield range(begin, len(image.data))
        yield _moved(_SIGNATURE_SIZE, by=command.offset)
        for sizes in _SEGMENT_SIZES:
            yield _moved(sizes, by=linkedit.command.offset)


def _stored(section: Section) -> range:
    return range(section.offset, section.offset + section.size)


def _moved(place: range, *, by: int) -> range:
    return range(place.start + by, place.stop + by)
