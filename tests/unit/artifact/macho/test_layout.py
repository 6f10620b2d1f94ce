"""The layout of Mach-O files: slices, load commands, segments; and of damaged ones."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.macho import layout
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.layout import Command
from engine_ci.errors import MachOError, VerificationError
from tests.unit.artifact import machos
from tests.unit.artifact.signable import only

if TYPE_CHECKING:
    from pathlib import Path

ARM = machos.image(machos.dylib("a"))
INTEL = machos.image(machos.dylib("b"), cpu=machos.X86_64, subtype=3)
ARM_ENTRY = machos.entry(0x1000, ARM)
INTEL_ENTRY = machos.entry(0x4000, INTEL, cpu=machos.X86_64, subtype=3)


def test_a_thin_file_is_one_slice() -> None:
    found = only(machos.image(machos.dylib("liba.dylib"), machos.rpath("@loader_path"), flags=5))

    assert found.arch == "arm64"
    assert found.offset == 0
    assert found.header.filetype == layout.FileType.DYLIB
    assert found.header.flags == 5
    assert found.commands == (
        Command(cmd=LC.LOAD_DYLIB, offset=32, size=40),
        Command(cmd=LC.RPATH, offset=72, size=32),
    )


def test_a_file_may_be_mapped_instead_of_read(tmp_path: Path) -> None:
    path = tmp_path / "liba.dylib"
    path.write_bytes(ARM)

    with path.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    (found,) = layout.slices(mapped)

    assert bytes(found.data) == ARM


@pytest.mark.parametrize("wide", [False, True])
def test_a_fat_file_gives_its_slices_in_order(wide: bool) -> None:
    raw = machos.fat((INTEL_ENTRY, INTEL), (ARM_ENTRY, ARM), wide=wide)

    found = layout.slices(raw)

    assert [(each.arch, each.offset) for each in found] == [("x86_64", 0x4000), ("arm64", 0x1000)]
    assert [bytes(each.data) for each in found] == [INTEL, ARM]
    assert found[0].text(found[0].commands[0], 24) == "b"


@pytest.mark.parametrize(
    ("cpu", "subtype", "arch"),
    [
        (machos.ARM64, 2, "arm64e"),
        (machos.ARM64, 0x80000002, "arm64e"),
        (machos.X86_64, 3, "x86_64"),
        (machos.X86_64, 8, "x86_64h"),
        (machos.X86_64, 0x80000003, "x86_64"),
        (0x0100000D, 2, "cpu 0x100000d"),
    ],
)
def test_an_architecture_has_a_name_or_its_number(cpu: int, subtype: int, arch: str) -> None:
    assert only(machos.image(cpu=cpu, subtype=subtype)).arch == arch


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", "something else"),
        (b"\x7fELF" + bytes(60), "something else"),
        (b"!<arch>\n" + bytes(60), "something else"),
        (b"\xce\xfa\xed\xfe" + bytes(60), "a 32-bit image"),
        (b"\xfe\xed\xfa\xce" + bytes(60), "a 32-bit big-endian image"),
        (b"\xfe\xed\xfa\xcf" + bytes(60), "a big-endian image"),
        (ARM[:31], "the end at byte 31"),
    ],
)
def test_anything_else_is_refused_for_what_it_is(raw: bytes, found: str) -> None:
    with pytest.raises(MachOError, match=found):
        layout.slices(raw)


def test_the_error_is_one_of_verification() -> None:
    assert issubclass(MachOError, VerificationError)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (machos.fat(), "1 to 8 slices, found 0"),
        (machos.fat(count=0x34), "1 to 8 slices, found 52"),  # a Java class begins like this
        (machos.fat(count=3), "fat header: expected 20 bytes"),
        (machos.fat((ARM_ENTRY, ARM[:-1])), "slice: expected 4096 bytes"),
        (machos.fat((machos.entry(24, ARM), ARM)), "begins at byte 24, before 28"),
        (
            machos.fat((ARM_ENTRY, ARM), (INTEL_ENTRY._replace(offset=0x1FFF), INTEL)),
            "begins at byte 8191, before 8192",
        ),
        (
            machos.fat((ARM_ENTRY, ARM), (machos.entry(0x4000, ARM, subtype=1 << 31), ARM)),
            "two slices are for one processor",
        ),
        (machos.fat((ARM_ENTRY, INTEL)), "as the fat header says"),
        (machos.fat((machos.entry(0x1000, ARM, subtype=1), ARM)), "as the fat header says"),
        (machos.fat((ARM_ENTRY, machos.fat((ARM_ENTRY, ARM)))), "found something else"),
    ],
)
def test_a_fat_header_that_does_not_fit_its_file_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        layout.slices(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (machos.image(size=0x1001), "load commands: expected 4097 bytes"),
        (machos.image(size=(1 << 20) + 1), "at most 1048576 bytes"),
        (machos.image(machos.rpath("a"), count=2), "load command 1: expected 8 bytes"),
        (machos.image(machos.rpath("a"), count=0xFFFFFFFF), "load command 1: expected 8 bytes"),
        (machos.image(machos.rpath("a"), count=0), "expected 16 bytes as the header says, found 0"),
        (machos.image(bytes(8)), "load command 0: expected a multiple of 8 bytes, found 0"),
        (machos.image(b"\1\0\0\0\x0c\0\0\0" + bytes(4)), "multiple of 8 bytes, found 12"),
        (machos.image(b"\1\0\0\0\xf0\xff\xff\xff"), "load command 0: expected 4294967280 bytes"),
    ],
)
def test_load_commands_that_do_not_fill_their_room_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        layout.slices(raw)


def test_commands_are_found_by_kind() -> None:
    found = only(machos.image(machos.rpath("a"), machos.dylib("l"), machos.rpath("b")))

    assert [found.text(each, 12) for each in found.all(LC.RPATH)] == ["a", "b"]
    assert found.one(LC.LOAD_DYLIB, LC.ID_DYLIB) == found.commands[1]
    assert found.one(LC.UUID) is None
    with pytest.raises(MachOError, match="expected one RPATH command, found 2"):
        found.one(LC.RPATH)


@pytest.mark.parametrize("start", [0, 8, 40, 0xFFFFFFFF])
def test_a_text_outside_its_command_is_refused(start: int) -> None:
    found = only(machos.image(machos.dylib("liba.dylib", start=start), machos.rpath("b")))

    with pytest.raises(MachOError, match=f"LOAD_DYLIB command: .* found it at byte {start}"):
        found.text(found.commands[0], start)


def test_a_text_may_not_run_into_the_next_command() -> None:
    found = only(machos.image(machos.command(LC.RPATH, b"\x0c\0\0\0abcd"), machos.rpath("b")))

    with pytest.raises(MachOError, match="RPATH command: expected a name that ends"):
        found.text(found.commands[0], 12)


def test_what_a_command_points_to() -> None:
    found = only(machos.image(machos.data(LC.CODE_SIGNATURE, 3), linkedit=b"abcd"))

    assert bytes(found.linkedit(found.commands[0])) == b"abc"


@pytest.mark.parametrize(
    "part",
    [
        machos.data(LC.CODE_SIGNATURE, 5),
        machos.data(LC.CODE_SIGNATURE, 0xFFFFFFFF, offset=0xFFFFFFFF),
        machos.command(LC.CODE_SIGNATURE),
    ],
)
def test_what_lies_outside_the_file_is_refused(part: bytes) -> None:
    found = only(machos.image(part, linkedit=b"abcd"))

    with pytest.raises(MachOError, match="CODE_SIGNATURE"):
        found.linkedit(found.commands[0])


def test_segments_and_their_sections() -> None:
    found = only(
        machos.image(
            machos.segment("__TEXT", machos.section("__text"), machos.section("sixteen_bytes_on")),
            machos.segment(
                "__DATA", machos.section("__bss", offset=0, size=1 << 40, kind=1, segment="__DATA")
            ),
        )
    )

    text, data = found.segments
    assert (text.name, text.offset, text.file_size) == ("__TEXT", 0, machos.LINKEDIT_AT)
    assert text.command == found.commands[0]
    assert [section.name for section in text.sections] == ["__text", "sixteen_bytes_on"]
    assert (text.sections[0].offset, text.sections[0].size) == (0x800, 16)
    assert text.sections[0].segment == "__TEXT"
    assert (data.sections[0].offset, data.sections[0].size) == (0, 0)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (machos.command(LC.SEGMENT_64), "SEGMENT_64 command: expected 72 bytes"),
        (machos.segment(size=0x1001), "segment __TEXT: expected 4097 bytes"),
        (machos.segment(offset=1 << 63, size=1 << 63), "segment __TEXT"),
        (machos.segment(count=1), "segment __TEXT: table: expected 80 bytes"),
        (machos.segment(count=0xFFFFFFFF), "segment __TEXT: table"),
        (machos.segment(b"\xff"), "not readable"),
        (machos.segment("__X", machos.section("__y", offset=0xFFF, size=2)), "section __y"),
        (machos.segment("__X", machos.section("__y"), offset=0x801, size=99), "section __y"),
    ],
)
def test_a_segment_that_does_not_fit_is_refused(part: bytes, reason: str) -> None:
    found = only(machos.image(part))

    with pytest.raises(MachOError, match=reason):
        _ = found.segments
