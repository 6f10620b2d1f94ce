"""Whether a zip archive says the same to all who read it.

A zip names its members twice, before their bytes and in the directory at the end. Readers that
believe the one see other files than readers that believe the other where the two disagree, where
members overlap, or where bytes lie that belong to none.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from engine_ci.artifact.archive import member_refused, refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zipfile import ZipInfo

_END = struct.Struct("<4s4H2IH")
_LOCAL = struct.Struct("<4s5H3I2H")
_FIELD = struct.Struct("<2H")
_ZIP64_SIZES = struct.Struct("<2Q")
_ZIP64 = 1
_IN_ZIP64 = 0xFFFFFFFF
_UTF8 = 0x800
# The checksum and the sizes follow the bytes, for a writer that did not know them before.
_TOLD_AFTER = 0x8
_AFTER = (struct.Struct("<3I"), struct.Struct("<I2Q"))
_MOST_AFTER = 24


def count(stream: BinaryIO, *, archive: str, most: int) -> int:
    """How many members the archive says it has, in an end that is the last thing in it.

    Raises:
        VerificationError: they are too many, something follows the end, or it is that of a zip64
            archive, which holds more than any limit here.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END.size))
    end = stream.read(_END.size)
    if len(end) < _END.size or not end.startswith(b"PK\5\6"):
        raise refused(archive, "it does not end as a zip archive without a comment does")
    numbers: tuple[int, ...] = _END.unpack(end)[1:]
    disk, other_disk, here, told, length, start, comment = numbers
    if disk or other_disk or here != told or comment or start + length + _END.size != size:
        raise refused(archive, "its end does not say where its directory is")
    if told > most:
        raise refused(archive, f"it would unpack to {told} files, expected at most {most}")
    return told


def check(
    members: Sequence[ZipInfo], *, told: int, stream: BinaryIO, directory: int, archive: str
) -> None:
    """Refuses members that do not lie one after the other, or that are described in two ways.

    Args:
        members: as the directory describes them.
        told: how many the end of the archive says they are.
        stream: the archive.
        directory: where the directory begins.
        archive: what the archive is called.

    Raises:
        VerificationError: with the member's name.
    """
    if len(members) != told:
        raise refused(archive, f"its end counts {told} members, its directory has {len(members)}")
    ordered = sorted(members, key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in ordered), directory]
    if starts[0] != 0:
        raise refused(archive, "there is something before its first member")
    for info, (start, end) in zip(ordered, pairwise(starts), strict=True):
        stream.seek(start)
        fault = _fault(info, stream=stream, end=end)
        if fault is not None:
            raise member_refused(archive, info.orig_filename, fault)


def _fault(info: ZipInfo, *, stream: BinaryIO, end: int) -> str | None:
    header = _LOCAL.unpack(stream.read(_LOCAL.size))
    magic, _, flags, method, _, _, crc, packed, size, name_length, extra_length = header
    name, extra = stream.read(name_length), stream.read(extra_length)
    if (magic, flags, method) != (b"PK\3\4", info.flag_bits, info.compress_type):
        return "its header is another than the directory says"
    if name != info.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437"):
        return f"its header calls it {name!a}"
    if not _agree(info, crc=crc, sizes=_sizes(packed, size, extra=extra)):
        return "its header gives another size or checksum than the directory"
    left = end - stream.tell() - info.compress_size
    if left < 0:
        return "it overlaps the next one"
    stream.seek(info.compress_size, 1)
    if left > _MOST_AFTER or stream.read(left) not in _after(info):
        return "something else than the directory says follows it"
    return None


def _sizes(packed: int, size: int, *, extra: bytes) -> tuple[int, int]:
    """The sizes of a header, packed first; a field of zip64 holds them where they may be large."""
    if _IN_ZIP64 not in (packed, size):
        return packed, size
    while extra:
        kind, length = _FIELD.unpack_from(extra)
        if kind == _ZIP64:
            size, packed = _ZIP64_SIZES.unpack_from(extra, _FIELD.size)
        extra = extra[_FIELD.size + length :]
    return packed, size


def _agree(info: ZipInfo, *, crc: int, sizes: tuple[int, int]) -> bool:
    if info.flag_bits & _TOLD_AFTER and (crc, *sizes) == (0, 0, 0):
        return True
    return (crc, *sizes) == (info.CRC, info.compress_size, info.file_size)


def _after(info: ZipInfo) -> set[bytes]:
    """What may lie between a member's bytes and the next member."""
    if not info.flag_bits & _TOLD_AFTER:
        return {b""}
    told = {form.pack(info.CRC, info.compress_size, info.file_size) for form in _AFTER}
    return told | {b"PK\7\10" + form for form in told}
