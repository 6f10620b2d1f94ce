"""Load commands: their numbers, and the C structs that stand behind them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from engine_ci.artifact.macho.fields import Form

_MUST_BE_KNOWN = 0x80000000


class LC(IntEnum):
    """The load commands that are read here, by the number in the file."""

    SYMTAB = 0x02
    DYSYMTAB = 0x0B
    LOAD_DYLIB = 0x0C
    ID_DYLIB = 0x0D
    LOAD_WEAK_DYLIB = 0x18 | _MUST_BE_KNOWN
    SEGMENT_64 = 0x19
    UUID = 0x1B
    RPATH = 0x1C | _MUST_BE_KNOWN
    CODE_SIGNATURE = 0x1D
    REEXPORT_DYLIB = 0x1F | _MUST_BE_KNOWN
    LAZY_LOAD_DYLIB = 0x20
    DYLD_INFO = 0x22
    DYLD_INFO_ONLY = 0x22 | _MUST_BE_KNOWN
    LOAD_UPWARD_DYLIB = 0x23 | _MUST_BE_KNOWN
    VERSION_MIN_MACOSX = 0x24
    VERSION_MIN_IPHONEOS = 0x25
    VERSION_MIN_TVOS = 0x2F
    VERSION_MIN_WATCHOS = 0x30
    BUILD_VERSION = 0x32
    DYLD_EXPORTS_TRIE = 0x33 | _MUST_BE_KNOWN
    DYLD_CHAINED_FIXUPS = 0x34 | _MUST_BE_KNOWN


class CommandHead(NamedTuple):
    """`load_command`: what every command begins with."""

    cmd: int
    size: int


class SegmentCommand(NamedTuple):
    """`segment_command_64`; the sections follow it."""

    cmd: int
    size: int
    name: bytes
    address: int
    memory_size: int
    offset: int
    file_size: int
    most_protection: int
    protection: int
    sections: int
    flags: int


class SectionRecord(NamedTuple):
    """`section_64`."""

    name: bytes
    segment: bytes
    address: int
    size: int
    offset: int
    alignment: int
    relocations_offset: int
    relocations: int
    flags: int
    reserved1: int
    reserved2: int
    reserved3: int


class DylibCommand(NamedTuple):
    """`dylib_command`: `name` is where in the command the text begins."""

    cmd: int
    size: int
    name: int
    timestamp: int
    current_version: int
    compatibility_version: int


class DylibUseCommand(NamedTuple):
    """`dylib_use_command`: a `dylib_command` that says more, since macOS 15."""

    cmd: int
    size: int
    name: int
    marker: int
    current_version: int
    compatibility_version: int
    flags: int


class RpathCommand(NamedTuple):
    """`rpath_command`: `path` is where in the command the text begins."""

    cmd: int
    size: int
    path: int


class UuidCommand(NamedTuple):
    """`uuid_command`."""

    cmd: int
    size: int
    uuid: bytes


class BuildVersionCommand(NamedTuple):
    """`build_version_command`; the tools that took part follow it."""

    cmd: int
    size: int
    platform: int
    minimum_os: int
    sdk: int
    tools: int


class VersionMinCommand(NamedTuple):
    """`version_min_command`, the older way: the number of the command tells the platform."""

    cmd: int
    size: int
    minimum_os: int
    sdk: int


class DysymtabCommand(NamedTuple):
    """`dysymtab_command`, of which only the number of undefined symbols is read."""

    cmd: int
    size: int
    undefined: int


class DyldInfoCommand(NamedTuple):
    """`dyld_info_command`: five streams in __LINKEDIT."""

    cmd: int
    size: int
    rebase_offset: int
    rebase_size: int
    bind_offset: int
    bind_size: int
    weak_bind_offset: int
    weak_bind_size: int
    lazy_bind_offset: int
    lazy_bind_size: int
    export_offset: int
    export_size: int


class LinkeditCommand(NamedTuple):
    """`linkedit_data_command`: a signature, chained fixups or an export trie in __LINKEDIT."""

    cmd: int
    size: int
    offset: int
    data_size: int


HEAD = Form("<2I", CommandHead)
SEGMENT = Form("<2I16s4Q4I", SegmentCommand)
SECTION = Form("<16s16s2Q8I", SectionRecord)
DYLIB = Form("<6I", DylibCommand)
DYLIB_USE = Form("<7I", DylibUseCommand)
RPATH = Form("<3I", RpathCommand)
LINKEDIT = Form("<4I", LinkeditCommand)
UUID = Form("<2I16s", UuidCommand)
BUILD_VERSION = Form("<6I", BuildVersionCommand)
VERSION_MIN = Form("<4I", VersionMinCommand)
DYLD_INFO = Form("<12I", DyldInfoCommand)
DYSYMTAB = Form("<2I20xI48x", DysymtabCommand)
