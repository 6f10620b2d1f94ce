"""Pure. What becomes of an image that is edited and signed: its first bytes, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import commands, edit
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.profile import rounded
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from engine_ci.artifact.macho.edit import Changes
    from engine_ci.artifact.macho.layout import Segment, Slice
    from engine_ci.artifact.macho.profile import Profile

_MOST_BYTES = 1 << 32
_MEMORY_PAGE = 0x4000  # codesign's choice for x86-64, too


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
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

    @property
    def size(self) -> int:
        """How many bytes the signed image has."""
        return self.code_limit + self.room


def plan(image: Slice, how: Profile, *, changes: Changes) -> Plan:
    """Plans an image.

    Raises:
        MachOError: there is no room for that, or other things are where a signature belongs.
    """
    linkedit = _linkedit(image)
    content = _content_end(image, linkedit)
    code_limit = rounded(content, how.alignment)
    if code_limit >= _MOST_BYTES:
        raise MachOError(f"expected an image of less than {_MOST_BYTES} bytes, found {code_limit}")
    room = how.room_for(code_limit)
    bodies = _pointing(edit.edited(image, changes), offset=code_limit, size=room)
    resized = _resized(image, linkedit, end=code_limit + room)
    old = bytes(image.body(linkedit.command))
    return Plan(
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
        segment.address > found[0].address for segment in image.segments
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
    record = commands.SEGMENT.read(body, 0, what="SEGMENT_64 command")
    record = record._replace(file_size=size, memory_size=rounded(size, _MEMORY_PAGE))
    return commands.SEGMENT.pack(record) + bytes(body[commands.SEGMENT.size :])
