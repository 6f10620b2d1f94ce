"""Fat files: one image for each of several processors, behind a table of where they are."""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

from engine_ci.artifact.macho.fields import Form
from engine_ci.errors import MachOError

MAGIC = 0xCAFEBABE
MAGIC_64 = 0xCAFEBABF
SUBTYPE = 0x00FFFFFF  # the high byte says things about the ABI, and differs between the headers
_MOST = 8


class Header(NamedTuple):
    """`fat_header`: big-endian, unlike all else."""

    magic: int
    slices: int


class Entry(NamedTuple):
    """`fat_arch` and `fat_arch_64`: one slice."""

    cputype: int
    cpusubtype: int
    offset: int
    size: int
    alignment: int


HEADER = Form(">2I", Header)
ENTRY = Form(">5I", Entry)
ENTRY_64 = Form(">2I2QI4x", Entry)
_FORMS = {MAGIC: ENTRY, MAGIC_64: ENTRY_64}


def is_fat(view: memoryview) -> bool:
    """Whether a file begins as a fat one does; so does a Java class, of far more "slices"."""
    return int.from_bytes(view[:4]) in _FORMS


def entries(view: memoryview) -> list[Entry]:
    """The table of a fat file: within the file, no two overlapping or for one processor."""
    magic, count = HEADER.read(view, 0, what="fat header")
    form = _FORMS[magic]
    if not 1 <= count <= _MOST:
        raise MachOError(f"fat header: expected 1 to {_MOST} slices, found {count}")
    table = range(HEADER.size, HEADER.size + count * form.size, form.size)
    found = [form.read(view, place, what="fat header") for place in table]
    if len({(entry.cputype, entry.cpusubtype & SUBTYPE) for entry in found}) < count:
        raise MachOError("fat header: two slices are for one processor")
    free = table.stop
    for entry in sorted(found, key=attrgetter("offset")):
        if entry.offset < free:
            raise MachOError(f"fat header: a slice begins at byte {entry.offset}, before {free}")
        free = entry.offset + entry.size
    return found
