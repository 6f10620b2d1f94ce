"""Signs images ad hoc, as `codesign --sign -` does, into a fresh file: edited first, when asked to.

Each file is read once, piece by piece, whatever its size. The same input gives the same bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import (
    commands,
    edit,
    fat,
    fat_layout,
    identifiers,
    pages,
    profile,
)
from engine_ci.artifact.macho.code_directory import SHA256
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.profile import rounded
from engine_ci.errors import MachOError, OutsideError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader, BufferedWriter
    from pathlib import Path

    from engine_ci.artifact.macho.edit import Changes
    from engine_ci.artifact.macho.layout import Segment, Slice
    from engine_ci.artifact.macho.pages import Source
    from engine_ci.artifact.macho.profile import Profile

_MODE = 0o755  # the bits of a source that its target gets: no set-id, nothing for all to write
_MOST_BYTES = 1 << 32
_SEGMENT_PAGES = {"x86_64": 0x1000}
_SEGMENT_PAGE = 0x4000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What becomes of one image.

    Attributes:
        head: its first bytes, all load commands in them.
        content: how many bytes of it are kept.
        code_limit: where the signature begins, zeroes before it.
        room: how many bytes are set apart for the signature.
    """

    image: Slice
    profile: Profile
    head: bytes
    content: int
    code_limit: int
    room: int


def rewrite(
    source: Path, target: Path, *, changes: Changes = edit.NONE, identifier: str | None = None
) -> None:
    """Writes `source` with the changes, signed as `codesign --sign -` does it.

    Args:
        source: a thin or a fat file, signed or not.
        target: a fresh file takes its place; it may be the source.
        changes: to every slice.
        identifier: as codesign chooses it from the target's name when not given.

    Raises:
        MachOError: it is no Mach-O file, a damaged one, or one without room for that.
        OutsideError: a file cannot be read or written.
    """

    def profile_of(image: Slice) -> Profile:
        name = identifier or identifiers.default(target.name, image)
        return profile.codesign(image, identifier=name)

    write(source, target, profile_of=profile_of, changes=changes)


def resign(source: Path, target: Path) -> None:
    """Signs again as it was signed: identifier, flags, page size and all places stay.

    Raises:
        MachOError: as for `rewrite`; or it was not signed ad hoc.
        OutsideError: a file cannot be read or written.
    """
    write(source, target, profile_of=profile.kept)


def write(
    source: Path,
    target: Path,
    *,
    profile_of: Callable[[Slice], Profile],
    changes: Changes = edit.NONE,
) -> None:
    """Writes `source` with the changes, each slice signed as its profile says.

    The target is never changed in place: macOS remembers the signature of a file that it has seen.
    """
    try:
        with pages.opened(source) as opened, documents.replacing(target) as temporary:
            plans = [_plan(image, profile_of(image), changes=changes) for image in opened.slices]
            mode = os.fstat(opened.stream.fileno()).st_mode & _MODE
            with temporary.open("wb") as stream:
                _write_slices(opened, plans, stream)
        target.chmod(mode)
    except OSError as error:
        raise OutsideError(f"{target}: cannot be written: {error.strerror}") from error


def _plan(image: Slice, how: Profile, *, changes: Changes) -> _Plan:
    linkedit = _linkedit(image)
    content = _content_end(image, linkedit)
    code_limit = rounded(content, how.alignment)
    if code_limit >= _MOST_BYTES:
        raise MachOError(f"expected an image of less than {_MOST_BYTES} bytes, found {code_limit}")
    room = how.room_for(code_limit)
    bodies = _pointing(edit.edited(image, changes), offset=code_limit, size=room)
    resized = _resized(image, linkedit, end=code_limit + room)
    old = bytes(image.body(linkedit.command))
    return _Plan(
        image=image,
        profile=how,
        head=edit.packed(image, [resized if body == old else body for body in bodies]),
        content=content,
        code_limit=code_limit,
        room=room,
    )


def _linkedit(image: Slice) -> Segment:
    """The segment that the signature is part of: the last in the file and in memory."""
    found = [segment for segment in image.segments if segment.name == "__LINKEDIT"]
    if len(found) != 1:
        raise MachOError(f"expected one __LINKEDIT segment, found {len(found)}")
    end = found[0].offset + found[0].file_size
    if end != len(image.data) or any(
        segment.address > found[0].address or segment.offset + segment.file_size > end
        for segment in image.segments
    ):
        raise MachOError("expected __LINKEDIT to be the last of the image, found more behind it")
    return found[0]


def _content_end(image: Slice, linkedit: Segment) -> int:
    """Where all but a signature ends."""
    command = image.one(LC.CODE_SIGNATURE)
    if command is None:
        return len(image.data)
    placed = commands.LINKEDIT.read(image.body(command), 0, what="CODE_SIGNATURE command")
    if placed.offset < linkedit.offset or placed.offset + placed.data_size != len(image.data):
        raise MachOError(
            f"expected the signature at the end of __LINKEDIT, "
            f"found {placed.data_size} bytes at byte {placed.offset}"
        )
    return placed.offset


def _pointing(bodies: list[bytes], *, offset: int, size: int) -> list[bytes]:
    """The commands, the one for the signature among them: in its old place, or the last."""
    record = commands.LinkeditCommand(LC.CODE_SIGNATURE, commands.LINKEDIT.size, offset, size)
    body = commands.LINKEDIT.pack(record)
    places = [n for n, each in enumerate(bodies) if _kind(each) == LC.CODE_SIGNATURE]
    place = places[0] if places else len(bodies)
    return [*bodies[:place], body, *bodies[place + 1 :]]


def _kind(body: bytes) -> int:
    return commands.HEAD.read(memoryview(body), 0, what="load command").cmd


def _resized(image: Slice, linkedit: Segment, *, end: int) -> bytes:
    """The command of __LINKEDIT with its new end; in memory whole pages."""
    body = image.body(linkedit.command)
    size = end - linkedit.offset
    if size == linkedit.file_size:
        return bytes(body)
    page = _SEGMENT_PAGES.get(image.arch, _SEGMENT_PAGE)
    record = commands.SEGMENT.read(body, 0, what="SEGMENT_64 command")
    record = record._replace(file_size=size, memory_size=rounded(size, page))
    return commands.SEGMENT.pack(record) + bytes(body[commands.SEGMENT.size :])


def _write_slices(source: Source, plans: list[_Plan], target: BufferedWriter) -> None:
    head, offsets = b"", [0]
    if fat.is_fat(source.data):
        sizes = [plan.code_limit + plan.room for plan in plans]
        head, offsets = fat_layout.placed(source.data, sizes=sizes)
    target.write(head)
    for offset, plan in sorted(zip(offsets, plans, strict=True), key=lambda each: each[0]):
        target.write(bytes(offset - target.tell()))
        _write_slice(plan, source.stream, target)


def _write_slice(plan: _Plan, source: BufferedReader, target: BufferedWriter) -> None:
    hashes = bytearray()
    for piece in pages.pieces(
        source,
        start=plan.image.offset,
        size=plan.code_limit,
        head=plan.head,
        end=plan.content,
    ):
        target.write(piece)
        hashes += pages.digests(piece, page_size=plan.profile.page_size, algorithm=SHA256)
    built = plan.profile.build(code_limit=plan.code_limit, pages=bytes(hashes))
    target.write(built.ljust(plan.room, b"\0"))
