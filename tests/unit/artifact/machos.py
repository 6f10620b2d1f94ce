"""Small Mach-O images, made by hand: a header, load commands, and what those point to."""

from __future__ import annotations

import struct
from itertools import accumulate

from engine_ci.artifact.macho import chained, commands, layout
from engine_ci.artifact.macho import fat as fat_table
from engine_ci.artifact.macho.commands import LC

ARM64 = 0x0100000C
X86_64 = 0x01000007
LINKEDIT_AT = 0x1000


def image(
    *parts: bytes,
    linkedit: bytes = b"",
    cpu: int = ARM64,
    subtype: int = 0,
    filetype: int = layout.FileType.DYLIB,
    flags: int = 0,
    magic: int = layout.MAGIC,
    count: int | None = None,
    size: int | None = None,
) -> bytes:
    """A thin image of load commands; `linkedit` stands at byte LINKEDIT_AT.

    Args:
        parts: the commands, one by one.
        linkedit: what they point to.
        cpu: of the header.
        subtype: of the header.
        filetype: of the header.
        flags: of the header.
        magic: of the header.
        count: what the header says in place of the number of commands.
        size: what the header says in place of their size.
    """
    room = b"".join(parts)
    header = layout.Header(
        magic=magic,
        cputype=cpu,
        cpusubtype=subtype,
        filetype=filetype,
        commands=len(parts) if count is None else count,
        commands_size=len(room) if size is None else size,
        flags=flags,
        reserved=0,
    )
    return (layout.HEADER.pack(header) + room).ljust(LINKEDIT_AT, b"\0") + linkedit


def command(cmd: int, body: bytes = b"") -> bytes:
    """A load command, filled up to a multiple of 8 bytes."""
    size = 8 + len(body) + -len(body) % 8
    return struct.pack("<2I", cmd, size) + body.ljust(size - 8, b"\0")


def dylib(name: str | bytes, cmd: LC = LC.LOAD_DYLIB, *, start: int = 24) -> bytes:
    """A command that names a library."""
    raw = name.encode() if isinstance(name, str) else name
    return command(cmd, struct.pack("<4I", start, 2, 0x10000, 0x10000) + raw + b"\0")


def rpath(path: str) -> bytes:
    """A run path."""
    return command(LC.RPATH, struct.pack("<I", 12) + path.encode() + b"\0")


def data(cmd: LC, size: int, *, offset: int = LINKEDIT_AT) -> bytes:
    """A command that points to `size` bytes of __LINKEDIT."""
    return command(cmd, struct.pack("<2I", offset, size))


def section(
    name: str, *, offset: int = 0x800, size: int = 16, kind: int = 0, segment: str = "__TEXT"
) -> bytes:
    """A section's record."""
    record = commands.SectionRecord(
        name=name.encode(),
        segment=segment.encode(),
        address=0x1_0000_0000 + offset,
        size=size,
        offset=offset,
        alignment=2,
        relocations_offset=0,
        relocations=0,
        flags=kind,
        reserved1=0,
        reserved2=0,
        reserved3=0,
    )
    return commands.SECTION.pack(record)


def segment(
    name: str | bytes = "__TEXT",
    *sections: bytes,
    offset: int = 0,
    size: int = LINKEDIT_AT,
    count: int | None = None,
) -> bytes:
    """A segment; `count` is what it says in place of the number of its sections."""
    record = commands.SegmentCommand(
        cmd=LC.SEGMENT_64,
        size=commands.SEGMENT.size + len(b"".join(sections)),
        name=name.encode() if isinstance(name, str) else name,
        address=0x1_0000_0000 + offset,
        memory_size=size,
        offset=offset,
        file_size=size,
        most_protection=5,
        protection=5,
        sections=len(sections) if count is None else count,
        flags=0,
    )
    return commands.SEGMENT.pack(record) + b"".join(sections)


def fat(*entries: tuple[fat_table.Entry, bytes], wide: bool = False, count: int = -1) -> bytes:
    """A fat file of images that stand where their entries say; later ones overwrite earlier."""
    form = fat_table.ENTRY_64 if wide else fat_table.ENTRY
    magic = fat_table.MAGIC_64 if wide else fat_table.MAGIC
    said = len(entries) if count < 0 else count
    content = bytearray(fat_table.HEADER.pack(fat_table.Header(magic=magic, slices=said)))
    content += b"".join(form.pack(entry) for entry, _ in entries)
    for entry, raw in entries:
        content = content.ljust(entry.offset + len(raw), b"\0")
        content[entry.offset : entry.offset + len(raw)] = raw
    return bytes(content)


def entry(offset: int, raw: bytes, *, cpu: int = ARM64, subtype: int = 0) -> fat_table.Entry:
    """The entry of a fat header for these bytes."""
    return fat_table.Entry(
        cputype=cpu, cpusubtype=subtype, offset=offset, size=len(raw), alignment=12
    )


def dyld_info(
    *, bind: bytes = b"", weak: bytes = b"", lazy: bytes = b"", export: bytes = b""
) -> tuple[bytes, bytes]:
    """A command of four streams, and the bytes of those for `linkedit`."""
    offsets = accumulate(map(len, (bind, weak, lazy)), initial=LINKEDIT_AT)
    places = [
        number
        for offset, stream in zip(offsets, (bind, weak, lazy, export), strict=True)
        for number in (offset, len(stream))
    ]
    body = struct.pack("<10I", 0, 0, *places)
    return command(LC.DYLD_INFO_ONLY, body), bind + weak + lazy + export


def uleb(value: int) -> bytes:
    """A number in ULEB128."""
    head, rest = value & 0x7F, value >> 7
    return bytes([head | 0x80]) + uleb(rest) if rest else bytes([head])


def symbol(name: str, flags: int = 0) -> bytes:
    """The bind opcode that names the next symbol."""
    return bytes([0x40 | flags]) + name.encode() + b"\0"


def fixups(
    *imports: bytes,
    names: bytes,
    form: int = 1,
    version: int = 0,
    count: int | None = None,
    compression: int = 0,
) -> bytes:
    """Chained fixups of packed imports, with what else their header says."""
    table = b"".join(imports)
    header = chained.Header(
        version=version,
        starts_offset=0,
        imports_offset=chained.HEADER.size,
        symbols_offset=chained.HEADER.size + len(table),
        imports=len(imports) if count is None else count,
        imports_format=form,
        symbols_format=compression,
    )
    return chained.HEADER.pack(header) + table + names


def packed(
    name: int, *, ordinal: int = 1, weak: bool = False, form: int = 1, addend: int = 0
) -> bytes:
    """One import of chained fixups, whose name begins `name` bytes into their pool."""
    if form == 3:
        return struct.pack("<Qq", ordinal & 0xFFFF | weak << 16 | name << 32, addend)
    word = ordinal & 0xFF | weak << 8 | name << 9
    return struct.pack("<I", word) if form == 1 else struct.pack("<Ii", word, addend)


def trie(names: dict[str, bytes]) -> bytes:
    """An export trie of names and what their nodes say; it has a node for every byte of them."""
    said = {name.encode(): info for name, info in names.items()}
    prefixes = sorted({name[:end] for name in said for end in range(len(name) + 1)} | {b""})
    children = {
        prefix: [each for each in prefixes if each and each[:-1] == prefix] for prefix in prefixes
    }

    def node(prefix: bytes, offsets: dict[bytes, int]) -> bytes:
        info = said.get(prefix, b"")
        edges = [
            child[-1:] + b"\0" + _three_bytes(offsets.get(child, 0)) for child in children[prefix]
        ]
        return uleb(len(info)) + info + bytes([len(edges)]) + b"".join(edges)

    sizes = [len(node(prefix, {})) for prefix in prefixes]
    offsets = dict(zip(prefixes, accumulate(sizes, initial=0), strict=False))
    return b"".join(node(prefix, offsets) for prefix in prefixes)


def _three_bytes(value: int) -> bytes:
    """ULEB128 of a fixed length."""
    return bytes([value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14])
