"""Facts of whole images, made by hand."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from engine_ci.artifact.macho import layout, read
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.exports import Export
from engine_ci.artifact.macho.imports import Import, Ordinal
from engine_ci.artifact.macho.read import Dependency, Image, Kind
from engine_ci.artifact.macho.versions import Build, Version
from engine_ci.errors import MachOError
from tests.unit.artifact import machos

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = machos.dylib("/usr/lib/libSystem.B.dylib")
BUILD = machos.command(LC.BUILD_VERSION, struct.pack("<4I", 1, 0x000D0400, 0x001A0000, 0))


def only(
    *parts: bytes,
    linkedit: bytes = b"",
    filetype: int = layout.FileType.DYLIB,
    seeking: tuple[str, ...] = (),
) -> Image:
    raw = machos.image(*parts, linkedit=linkedit, filetype=filetype)
    (found,) = read.images(raw, seeking=seeking)
    return found


def test_everything_that_a_library_says() -> None:
    command, linkedit = machos.dyld_info(
        bind=b"\x11" + machos.symbol("_malloc") + b"\x90\0",
        lazy=b"\x12" + machos.symbol("_later", flags=1) + b"\x90\0",
        weak=machos.symbol("__ZdlPv") + b"\x90\0",
        export=machos.trie({"_own": b"\0\x10", "_other": b"\0\x20"}),
    )
    found = only(
        machos.dylib("@rpath/liba.1.dylib", LC.ID_DYLIB),
        command,
        machos.command(LC.UUID, bytes(range(16))),
        BUILD,
        SYSTEM,
        machos.dylib("@rpath/libb.dylib", LC.LOAD_WEAK_DYLIB),
        machos.rpath("@loader_path"),
        machos.rpath("/opt/lib"),
        linkedit=linkedit,
        seeking=("_own", "_malloc"),
    )

    assert found == Image(
        arch="arm64",
        filetype=layout.FileType.DYLIB,
        id="@rpath/liba.1.dylib",
        dependencies=(
            Dependency("/usr/lib/libSystem.B.dylib", Kind.STRONG),
            Dependency("@rpath/libb.dylib", Kind.WEAK),
        ),
        run_paths=("@loader_path", "/opt/lib"),
        builds=(Build("macos", Version(13, 4), Version(26, 0)),),
        uuid=UUID(bytes=bytes(range(16))),
        imports=(
            Import("_malloc", 1, weak=False),
            Import("_later", 2, weak=True),
            Import("__ZdlPv", Ordinal.WEAK_LOOKUP, weak=False),
        ),
        exports=frozenset({"_own"}),
    )
    assert found.minimum_os == Version(13, 4)
    assert [found.library(each) for each in found.imports] == [
        "/usr/lib/libSystem.B.dylib",
        "@rpath/libb.dylib",
        None,
    ]


def test_newer_images_say_it_in_chained_fixups_and_a_trie_of_their_own() -> None:
    fixups = machos.fixups(machos.packed(0, weak=True), names=b"_malloc\0")
    trie = machos.trie({"_own": b"\0\x10"})

    raw = machos.image(
        SYSTEM,
        machos.data(LC.DYLD_CHAINED_FIXUPS, len(fixups)),
        machos.data(LC.DYLD_EXPORTS_TRIE, len(trie), offset=machos.LINKEDIT_AT + len(fixups)),
        linkedit=fixups + trie,
    )
    (of,) = layout.slices(raw)

    assert read.image(of, seeking=["_own"]).exports == {"_own"}
    assert read.image(of).imports == (Import("_malloc", 1, weak=True),)
    assert list(read.all_exports(of)) == [Export("_own", 16, weak=False)]


def test_damage_among_exports_that_nobody_seeks_is_not_met() -> None:
    trie = machos.trie({"_a": b"\0" + b"\x80" * 10, "_b": b"\0\x10"})
    (of,) = layout.slices(machos.image(machos.data(LC.DYLD_EXPORTS_TRIE, len(trie)), linkedit=trie))

    assert read.image(of, seeking=["_b"]).exports == {"_b"}
    with pytest.raises(MachOError, match="export trie"):
        read.image(of, seeking=["_a"])
    with pytest.raises(MachOError, match="export trie"):
        list(read.all_exports(of))


@pytest.mark.parametrize(("flags", "executable"), [(0x200085, False), (0x220085, True)])
def test_a_stack_that_code_runs_from_is_seen(flags: int, *, executable: bool) -> None:
    (found,) = read.images(machos.image(BUILD, flags=flags))

    assert found.executable_stack is executable


def test_a_program_may_say_next_to_nothing() -> None:
    assert only(filetype=2) == Image(arch="arm64", filetype=layout.FileType.EXECUTE)
    assert only(filetype=8).minimum_os is None


@pytest.mark.parametrize(
    ("cmd", "kind"),
    [
        (LC.LOAD_DYLIB, Kind.STRONG),
        (LC.LOAD_WEAK_DYLIB, Kind.WEAK),
        (LC.REEXPORT_DYLIB, Kind.REEXPORT),
        (LC.LAZY_LOAD_DYLIB, Kind.LAZY),
        (LC.LOAD_UPWARD_DYLIB, Kind.UPWARD),
    ],
)
def test_the_command_tells_the_kind_of_a_dependency(cmd: LC, kind: Kind) -> None:
    assert only(machos.dylib("a", cmd)).dependencies == (Dependency("a", kind),)


@pytest.mark.parametrize(
    ("cmd", "marker", "flags", "kind"),
    [
        (LC.LOAD_WEAK_DYLIB, 0x1A741800, 0x1, Kind.WEAK),
        (LC.LOAD_DYLIB, 0x1A741800, 0x2, Kind.REEXPORT),
        (LC.LOAD_DYLIB, 0x1A741800, 0x4, Kind.UPWARD),
        (LC.LOAD_DYLIB, 0x1A741800, 0x8, Kind.LAZY),
        (LC.LOAD_DYLIB, 0x1A741800, 0x0, Kind.STRONG),
        (LC.LOAD_DYLIB, 2, 0x1, Kind.STRONG),
    ],
)
def test_a_marked_command_tells_the_kind_in_flags(
    cmd: LC, marker: int, flags: int, kind: Kind
) -> None:
    body = struct.pack("<5I", 28, marker, 0x10000, 0x10000, flags) + b"liba.dylib\0"

    assert only(machos.command(cmd, body)).dependencies == (Dependency("liba.dylib", kind),)


def test_a_mark_in_a_command_without_room_for_flags_says_nothing() -> None:
    body = struct.pack("<4I", 24, 0x1A741800, 1, 1) + b"a"
    assert only(machos.command(LC.LOAD_DYLIB, body)).dependencies == (Dependency("a", Kind.STRONG),)


def test_a_fat_file_has_an_image_for_each_processor(tmp_path: Path) -> None:
    arm, intel = machos.image(BUILD), machos.image(SYSTEM, cpu=machos.X86_64)
    path = tmp_path / "libboth.dylib"
    path.write_bytes(
        machos.fat(
            (machos.entry(0x1000, arm), arm),
            (machos.entry(0x3000, intel, cpu=machos.X86_64), intel),
        )
    )

    assert [each.arch for each in read.read(path)] == ["arm64", "x86_64"]


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(99), machos.image(count=1)])
def test_a_file_that_is_refused_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "liba.dylib"
    path.write_bytes(content)

    with pytest.raises(MachOError, match=r"^liba\.dylib: .*expected"):
        read.read(path)


@pytest.mark.parametrize("filetype", [0, 1, 4, 10, 99])
def test_what_dyld_would_not_load_is_refused(filetype: int) -> None:
    with pytest.raises(MachOError, match=f"found file type {filetype}"):
        only(filetype=filetype)


@pytest.mark.parametrize("ordinal", [2, -4])
def test_an_import_of_a_library_that_is_not_named_is_refused(ordinal: int) -> None:
    fixups = machos.fixups(machos.packed(0, ordinal=ordinal), names=b"_x\0")

    with pytest.raises(MachOError, match=f"import _x: expected one of 1 libraries.* {ordinal}$"):
        only(SYSTEM, machos.data(LC.DYLD_CHAINED_FIXUPS, len(fixups)), linkedit=fixups)


def test_imports_in_relocations_are_not_taken_for_none() -> None:
    def symbols(undefined: int) -> bytes:
        return machos.command(LC.DYSYMTAB, struct.pack("<18I", *[0] * 5, undefined, *[0] * 12))

    assert only(symbols(0)).imports == ()
    with pytest.raises(MachOError, match="chained fixups for 7 imports, found none"):
        only(symbols(7))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([machos.dylib("a", LC.ID_DYLIB)] * 2, "one ID_DYLIB command, found 2"),
        ([machos.command(LC.UUID, bytes(16))] * 2, "one UUID command, found 2"),
        ([machos.command(LC.UUID)], "UUID command: expected 24 bytes"),
        ([machos.command(LC.RPATH)], "run path: expected 12 bytes"),
        ([machos.command(LC.LOAD_DYLIB)], "library: expected 24 bytes"),
        ([machos.command(LC.DYLD_INFO)], "DYLD_INFO command: expected 48 bytes"),
        ([machos.command(LC.DYSYMTAB)], "DYSYMTAB command: expected 80 bytes"),
        ([machos.dyld_info(bind=b"x")[0]], "DYLD_INFO: expected 1 bytes"),
        ([machos.segment(size=0x1001)], "segment __TEXT: expected 4097 bytes"),
        ([machos.data(LC.DYLD_EXPORTS_TRIE, 1), machos.dyld_info()[0]], "DYLD_EXPORTS_TRIE"),
    ],
)
def test_a_command_that_does_not_fit_is_refused(parts: list[bytes], reason: str) -> None:
    with pytest.raises(MachOError, match=reason):
        only(*parts)
