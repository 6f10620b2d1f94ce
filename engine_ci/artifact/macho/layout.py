"""How a Mach-O file is laid out: slices, and of each the header, load commands and segments.

Only 64-bit little-endian images are read: arm64 and x86-64 know no others. All offsets count from
the first byte of the slice; only `Slice.offset` counts from that of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import commands, fat, fields
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.fields import Form
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap
    from typing import TypeAlias

    from engine_ci.artifact.macho.commands import SegmentCommand

    Buffer: TypeAlias = bytes | bytearray | memoryview | mmap

MAGIC = 0xFEEDFACF
_NOT_READ = {
    0xFEEDFACE: "a 32-bit image",
    0xCEFAEDFE: "a 32-bit big-endian image",
    0xCFFAEDFE: "a big-endian image",
}
_ARCHITECTURES = {0x0100000C: "arm64", 0x01000007: "x86_64"}
_MEMBERS = {("arm64", 2): "arm64e", ("x86_64", 8): "x86_64h"}
_MOST_COMMAND_BYTES = 1 << 20
_WORD = 8
_SECTION_TYPE = 0xFF
_ZEROFILL = frozenset({0x01, 0x0C, 0x12})


class FileType(IntEnum):
    """What an image is for; those that dyld loads."""

    EXECUTE = 2
    DYLIB = 6
    BUNDLE = 8


class Header(NamedTuple):
    """`mach_header_64`."""

    magic: int
    cputype: int
    cpusubtype: int
    filetype: int
    commands: int
    commands_size: int
    flags: int
    reserved: int


HEADER = Form("<8I", Header)


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One load command: its number, where it begins and its size in bytes."""

    cmd: int
    offset: int
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section; `offset` and `size` are of the file, both 0 where memory is only filled with 0."""

    name: str
    segment: str
    address: int
    offset: int
    size: int
    flags: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A part of the file that is mapped: `offset` and `file_size` in it, the rest in memory."""

    name: str
    address: int
    memory_size: int
    offset: int
    file_size: int
    protection: int
    flags: int
    command: Command
    sections: tuple[Section, ...]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One architecture's image.

    Attributes:
        data: its bytes, all of them and no others: a view, no copy.
        offset: where they begin in the file.
        commands: its load commands, in order.
    """

    data: memoryview
    offset: int
    header: Header
    commands: tuple[Command, ...]

    @property
    def arch(self) -> str:
        """`arm64`, `arm64e`, `x86_64`, `x86_64h` (with AVX2), or the number of any other."""
        name = _ARCHITECTURES.get(self.header.cputype, f"cpu {self.header.cputype:#x}")
        return _MEMBERS.get((name, self.subtype), name)

    @property
    def subtype(self) -> int:
        """Which member of the processor's family, without what is said about the ABI."""
        return self.header.cpusubtype & fat.SUBTYPE

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments in order, their ranges within the slice, the sections within them."""
        return tuple(_segment(self, command) for command in self.all(LC.SEGMENT_64))

    def all(self, *kinds: LC) -> Iterator[Command]:
        """The commands of these kinds, in order."""
        return (command for command in self.commands if command.cmd in kinds)

    def one(self, *kinds: LC) -> Command | None:
        """The only command of these kinds; MachOError when there are more: which would count?"""
        found = list(self.all(*kinds))
        if len(found) > 1:
            raise MachOError(f"expected one {kinds[0].name} command, found {len(found)}")
        return found[0] if found else None

    def body(self, command: Command) -> memoryview:
        """The bytes of a command, and no others: it is read with a Form at offset 0."""
        return self.data[command.offset : command.offset + command.size]

    def text(self, command: Command, start: int) -> str:
        """The text within a command that begins `start` bytes after it does."""
        what = f"{LC(command.cmd).name} command"
        if not commands.HEAD.size < start < command.size:
            raise MachOError(f"{what}: expected its text inside, found it at byte {start}")
        return fields.text(self.body(command), start, what=what)

    def linkedit(self, command: Command) -> memoryview:
        """What a `linkedit_data_command` points to."""
        what = LC(command.cmd).name
        found = commands.LINKEDIT.read(self.body(command), 0, what=f"{what} command")
        return fields.span(self.data, found.offset, found.data_size, what=what)


def slices(data: Buffer) -> tuple[Slice, ...]:
    """The images of a file: one, or those of a fat file in its order.

    Raises:
        MachOError: it is no Mach-O file, of another word size or byte order, or damaged.
    """
    view = memoryview(data).toreadonly()
    if not fat.is_fat(view):
        return (_slice(view, offset=0),)
    return tuple(_member(view, entry) for entry in fat.entries(view))


def _member(view: memoryview, entry: fat.Entry) -> Slice:
    """A slice of a fat file; what the table says of it must be what it says itself."""
    data = fields.span(view, entry.offset, entry.size, what="slice")
    found = _slice(data, offset=entry.offset)
    header = found.header
    if (header.cputype, found.subtype) != (entry.cputype, entry.cpusubtype & fat.SUBTYPE):
        raise MachOError(
            f"slice: expected cpu {entry.cputype:#x} as the fat header says, "
            f"found {header.cputype:#x}, or another of its kind"
        )
    return found


def _slice(data: memoryview, *, offset: int) -> Slice:
    magic = int.from_bytes(data[:4], "little")
    if magic != MAGIC:
        raise MachOError(
            f"expected a 64-bit little-endian Mach-O image, "
            f"found {_NOT_READ.get(magic, 'something else')}"
        )
    header = HEADER.read(data, 0, what="header")
    return Slice(data=data, offset=offset, header=header, commands=tuple(_commands(data, header)))


def _commands(data: memoryview, header: Header) -> Iterator[Command]:
    """The load commands, which together must fill the room that the header gives them."""
    if header.commands_size > _MOST_COMMAND_BYTES:
        raise MachOError(
            f"load commands: expected at most {_MOST_COMMAND_BYTES} bytes, "
            f"found {header.commands_size}"
        )
    room = fields.span(data, HEADER.size, header.commands_size, what="load commands")
    offset = 0
    for number in range(header.commands):
        what = f"load command {number}"
        head = commands.HEAD.read(room, offset, what=what)
        if head.size < commands.HEAD.size or head.size % _WORD:
            raise MachOError(f"{what}: expected a multiple of {_WORD} bytes, found {head.size}")
        fields.span(room, offset, head.size, what=what)
        yield Command(cmd=head.cmd, offset=HEADER.size + offset, size=head.size)
        offset += head.size
    if offset != header.commands_size:
        raise MachOError(
            f"load commands: expected {header.commands_size} bytes as the header says, "
            f"found {offset}"
        )


def _segment(image: Slice, command: Command) -> Segment:
    body = image.body(command)
    record = commands.SEGMENT.read(body, 0, what="SEGMENT_64 command")
    name = _name(record.name)
    what = f"segment {name}"
    fields.span(image.data, record.offset, record.file_size, what=what)
    table = fields.span(
        body, commands.SEGMENT.size, record.sections * commands.SECTION.size, what=f"{what}: table"
    )
    return Segment(
        name=name,
        address=record.address,
        memory_size=record.memory_size,
        offset=record.offset,
        file_size=record.file_size,
        protection=record.protection,
        flags=record.flags,
        command=command,
        sections=tuple(_section(table, number, record) for number in range(record.sections)),
    )


def _section(table: memoryview, number: int, segment: SegmentCommand) -> Section:
    record = commands.SECTION.read(table, number * commands.SECTION.size, what="section")
    name = _name(record.name)
    stored = record.flags & _SECTION_TYPE not in _ZEROFILL
    offset, size = (record.offset, record.size) if stored else (0, 0)
    if stored and not (
        segment.offset <= offset and offset + size <= segment.offset + segment.file_size
    ):
        raise MachOError(
            f"section {name}: expected it in the bytes of its segment, "
            f"found {size} bytes at byte {offset}"
        )
    return Section(
        name=name,
        segment=_name(record.segment),
        address=record.address,
        offset=offset,
        size=size,
        flags=record.flags,
    )


def _name(raw: bytes) -> str:
    """A name that fills its 16 bytes, or ends before with a zero."""
    return fields.readable(raw.partition(b"\0")[0], what="segment or section")
