"""Pure. The container of an embedded code signature: numbered blobs behind an index, big-endian."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import fields
from engine_ci.artifact.macho.fields import Form
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = 0xFADE0CC0
_MOST_BLOBS = 32


class Slot(IntEnum):
    """What a blob is, by its number in the index."""

    CODE_DIRECTORY = 0
    INFO_PLIST = 1
    REQUIREMENTS = 2
    RESOURCES = 3
    ENTITLEMENTS = 5
    ENTITLEMENTS_DER = 7
    CMS = 0x10000


SEALED = range(1, 16)  # slots whose blobs the code directory holds hashes of
ALTERNATES = range(0x1000, 0x1005)  # the same code directory with other kinds of hashes
DIRECTORIES = (Slot.CODE_DIRECTORY, *ALTERNATES)

_MAGICS: Mapping[int, int] = {
    Slot.REQUIREMENTS: 0xFADE0C01,
    Slot.ENTITLEMENTS: 0xFADE7171,
    Slot.ENTITLEMENTS_DER: 0xFADE7172,
    Slot.CMS: 0xFADE0B01,
}


class BlobHead(NamedTuple):
    """What every blob begins with; `length` counts these 8 bytes."""

    magic: int
    length: int


class IndexEntry(NamedTuple):
    """Where the blob of a slot begins in the container."""

    slot: int
    offset: int


class _Head(NamedTuple):
    magic: int
    length: int
    blobs: int


class Blob(NamedTuple):
    """A blob, its own head included."""

    slot: int
    offset: int
    data: memoryview


BLOB_HEAD = Form(">2I", BlobHead)
_HEAD = Form(">3I", _Head)
_ENTRY = Form(">2I", IndexEntry)

# What `codesign -s -` leaves beside the code directory: no requirement, and no certificate.
EMPTY_REQUIREMENTS = BLOB_HEAD.pack(BlobHead(0xFADE0C01, 12)) + bytes(4)
EMPTY_CMS = BLOB_HEAD.pack(BlobHead(0xFADE0B01, 8))


def parse(data: memoryview) -> tuple[Blob, ...]:
    """The blobs, in their order: each slot once, none overlapping, nothing but zeroes between.

    Raises:
        MachOError: it is no container of a signature, or a damaged one.
    """
    what = "code signature"
    head = _HEAD.read(data, 0, what=what)
    if head.magic != MAGIC:
        raise MachOError(f"{what}: expected the magic {MAGIC:#x}, found {head.magic:#x}")
    if not 1 <= head.blobs <= _MOST_BLOBS:
        raise MachOError(f"{what}: expected 1 to {_MOST_BLOBS} blobs, found {head.blobs}")
    container = fields.span(data, 0, head.length, what=what)
    table = range(_HEAD.size, _HEAD.size + head.blobs * _ENTRY.size, _ENTRY.size)
    entries = [_ENTRY.read(container, place, what=f"{what}: index") for place in table]
    if len({entry.slot for entry in entries}) < head.blobs:
        raise MachOError(f"{what}: two blobs are in one slot")
    blobs = tuple(_blob(container, entry) for entry in entries)
    _check_between(container, blobs, begin=table.stop)
    return blobs


def build(blobs: Mapping[int, bytes], *, first: int = 0) -> bytes:
    """The container of blobs by slot, in the order given.

    Args:
        blobs: each with its head.
        first: where the first begins, when that is behind the index.
    """
    index_end = _HEAD.size + len(blobs) * _ENTRY.size
    offset = max(index_end, first)
    index = b""
    for slot, blob in blobs.items():
        index += _ENTRY.pack(IndexEntry(slot, offset))
        offset += len(blob)
    head = _HEAD.pack(_Head(MAGIC, offset, len(blobs)))
    return b"".join((head, index, bytes(max(first - index_end, 0)), *blobs.values()))


def _blob(container: memoryview, entry: IndexEntry) -> Blob:
    what = f"code signature: slot {entry.slot:#x}"
    if entry.slot not in (*DIRECTORIES, *SEALED, Slot.CMS):
        raise MachOError(f"{what}: it is none that is known")
    head = BLOB_HEAD.read(container, entry.offset, what=what)
    expected = _MAGICS.get(entry.slot, head.magic)
    if head.magic != expected:
        raise MachOError(f"{what}: expected the magic {expected:#x}, found {head.magic:#x}")
    data = fields.span(container, entry.offset, head.length, what=what)
    return Blob(entry.slot, entry.offset, data)


def _check_between(container: memoryview, blobs: tuple[Blob, ...], *, begin: int) -> None:
    for blob in blobs:
        if blob.offset < begin or any(container[begin : blob.offset]):
            raise MachOError(
                f"code signature: expected slot {blob.slot:#x} at byte {begin}, "
                f"found it at {blob.offset}"
            )
        begin = blob.offset + len(blob.data)
    if begin != len(container):
        raise MachOError(
            f"code signature: expected its last blob to end at byte {len(container)}, "
            f"found the end at {begin}"
        )
