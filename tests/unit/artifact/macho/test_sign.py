from __future__ import annotations

import os
import resource
import stat
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import commands, layout, profile, read, sign, signature, verify
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.edit import Changes
from engine_ci.errors import MachOError, OutsideError
from tests.unit.artifact import machos, signable

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.macho.layout import Segment

NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=50)


def written(folder: Path, raw: bytes, name: str = "libggml.dylib") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def fat(*, wide: bool = False) -> bytes:
    arm, intel = signable.image(), signable.image(cpu=machos.X86_64, size=123)
    return machos.fat(
        (machos.entry(0x8000, arm), arm),
        (machos.entry(0x1000, intel, cpu=machos.X86_64), intel),
        wide=wide,
    )


def linkedit(raw: bytes) -> Segment:
    return signable.only(raw).segments[-1]


def test_an_unsigned_image_is_signed_behind_its_content(tmp_path: Path) -> None:
    raw = signable.image()
    path = written(tmp_path, raw)

    sign.rewrite(path, path, identifier="libggml.0")

    found = signable.verified(path)
    assert found.faults == ()
    assert found.signature is not None
    assert found.signature.directory.identifier == "libggml.0"
    assert found.signature.offset == len(raw) + 15  # up to a multiple of 16
    after = path.read_bytes()
    assert after[signable.TEXT_AT : found.signature.offset] == raw[signable.TEXT_AT :] + bytes(15)
    assert signable.only(after).commands[-1].cmd == LC.CODE_SIGNATURE


def test_linkedit_ends_with_the_signature_and_fills_whole_pages_of_memory(tmp_path: Path) -> None:
    for cpu in (machos.ARM64, machos.X86_64):
        after = signable.signed(tmp_path, signable.image(cpu=cpu)).read_bytes()
        found = linkedit(after)
        assert found.offset + found.file_size == len(after)
        assert found.memory_size == profile.rounded(found.file_size, 0x4000)


def test_without_an_identifier_the_target_s_name_gives_it(tmp_path: Path) -> None:
    path = written(tmp_path, signable.image(), "a.dylib")

    sign.rewrite(path, tmp_path / "libggml.0.20.2.dylib")

    found = signable.verified(tmp_path / "libggml.0.20.2.dylib").signature
    assert found is not None
    assert found.directory.identifier == "libggml.0"


def test_the_same_input_gives_the_same_bytes_signed_or_not(tmp_path: Path) -> None:
    first = signable.signed(tmp_path).read_bytes()
    again = signable.signed(tmp_path, first).read_bytes()
    other = signable.signed(tmp_path, signable.image(), identifier="other").read_bytes()

    assert first == again
    assert first != other


def test_a_file_is_edited_and_signed_in_one_step(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)

    sign.rewrite(path, path, changes=Changes(run_paths=["@loader_path"]), identifier="a")

    (image,) = read.images(path.read_bytes())
    assert image.run_paths == ("@loader_path",)
    assert signable.verified(path).faults == ()


def test_a_signature_in_the_midst_of_the_commands_stays_there(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    sign.rewrite(path, path, changes=Changes(run_paths=["@loader_path"]), identifier="a")
    before = [command.cmd for command in signable.only(path.read_bytes()).commands]

    sign.rewrite(path, path, identifier="a")

    assert before[-2:] == [LC.CODE_SIGNATURE, LC.RPATH]
    assert [command.cmd for command in signable.only(path.read_bytes()).commands] == before


@given(NAMES, NAMES, st.lists(NAMES, max_size=4, unique=True), st.booleans())
def test_every_edit_that_fits_gives_a_signature_that_holds(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    dependency: str,
    run_paths: list[str],
    signed: bool,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = signable.signed(folder) if signed else written(folder, signable.image())
    changes = Changes(
        install_name=name, dependencies={signable.BASE: dependency}, run_paths=run_paths
    )

    sign.rewrite(path, path, changes=changes, identifier="a")

    (image,) = read.images(path.read_bytes())
    assert (image.id, image.dependencies[0].name) == (name, dependency)
    assert image.run_paths == tuple(run_paths)
    assert signable.verified(path).faults == ()


@pytest.mark.parametrize("wide", [False, True])
def test_each_slice_of_a_fat_file_is_signed(tmp_path: Path, *, wide: bool) -> None:
    path = written(tmp_path, fat(wide=wide))
    before = layout.slices(path.read_bytes())

    sign.rewrite(path, path, changes=Changes(install_name="/a"), identifier="a")

    found = layout.slices(path.read_bytes())
    assert [(each.arch, each.offset) for each in found] == [("arm64", 0x7000), ("x86_64", 0x1000)]
    assert [each.faults for each in verify.verify(path)] == [(), ()]
    for old, new in zip(before, found, strict=True):
        assert new.data[signable.TEXT_AT : len(old.data)] == old.data[signable.TEXT_AT :]


def test_what_is_signed_again_is_the_same_to_the_bit(tmp_path: Path) -> None:
    for raw in (signable.image(), fat()):
        path = written(tmp_path, raw)
        sign.rewrite(path, path, identifier="a")

        sign.resign(path, tmp_path / "again")

        assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_signing_again_mends_a_signature_that_no_longer_holds(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[machos.LINKEDIT_AT] ^= 1
    path.write_bytes(raw)
    assert signable.verified(path).faults

    sign.resign(path, path)

    assert signable.verified(path).faults == ()


def test_the_target_is_a_fresh_file_with_the_mode_of_the_source(tmp_path: Path) -> None:
    path = written(tmp_path, signable.image())
    path.chmod(0o4757)
    with path.open("rb") as before:
        sign.rewrite(path, path, identifier="a")
        assert path.stat().st_ino != os.fstat(before.fileno()).st_ino

    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x7fELF" + bytes(60), "expected a 64-bit little-endian Mach-O image"),
        (machos.image(), "expected one __LINKEDIT segment, found 0"),
        (
            machos.image(*[machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=0)] * 2),
            "expected one __LINKEDIT segment, found 2",
        ),
        (signable.image() + b"more", "expected __LINKEDIT to be the last"),
        (
            signable.image(machos.segment("__LAST", offset=machos.LINKEDIT_AT + 8, size=8)),
            "expected __LINKEDIT to be the last",
        ),
        (
            signable.image(machos.data(LC.CODE_SIGNATURE, 40_000)),
            "the signature at the end of __LINKEDIT, found 40000 bytes at byte 4096",
        ),
        (
            signable.image(machos.data(LC.CODE_SIGNATURE, 40_033, offset=machos.LINKEDIT_AT - 32)),
            "the signature at the end of __LINKEDIT, found 40033 bytes at byte 4064",
        ),
        (
            signable.image(text_at=0x1C0),
            "load commands need 424 bytes, the header has room for 416",
        ),
    ],
)
def test_what_cannot_be_signed_is_refused_and_nothing_is_written(
    tmp_path: Path, raw: bytes, reason: str
) -> None:
    path = written(tmp_path, raw)

    with pytest.raises(MachOError, match=reason):
        sign.rewrite(path, tmp_path / "target", identifier="a")

    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == raw


def test_an_image_of_four_gigabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    size = (1 << 32) - machos.LINKEDIT_AT
    raw = machos.image(machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=size))
    path = written(tmp_path, raw)
    os.truncate(path, 1 << 32)

    with pytest.raises(MachOError, match="less than 4294967296 bytes, found 4294967296"):
        sign.rewrite(path, tmp_path / "target", identifier="a")


def test_a_place_that_cannot_be_written_is_the_outside_failing(tmp_path: Path) -> None:
    path = written(tmp_path, signable.image())
    (tmp_path / "folder").mkdir()

    with pytest.raises(OutsideError, match="folder: cannot be written: Is a directory"):
        sign.rewrite(path, tmp_path / "folder", identifier="a")

    assert list((tmp_path / "folder").iterdir()) == []


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    raw = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OutsideError, match="cannot be written: File too large"):
            sign.rewrite(path, path, identifier="another")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == raw
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    size = 64 << 20
    segment = machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=size)
    path = written(tmp_path, machos.image(segment))
    os.truncate(path, machos.LINKEDIT_AT + size)
    tracemalloc.start()
    try:
        sign.rewrite(path, path, identifier="a")
        assert signable.verified(path).faults == ()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 << 20


def test_only_what_was_signed_is_signed_again(tmp_path: Path) -> None:
    path = written(tmp_path, signable.image())

    with pytest.raises(MachOError, match=r"^libggml.dylib: expected a signed image"):
        sign.resign(path, path)


def test_a_profile_that_sets_no_more_room_apart_moves_nothing(tmp_path: Path) -> None:
    path = signable.signed(tmp_path)
    raw = path.read_bytes()

    how = profile.kept(signable.only(raw))

    found = signature.read(signable.only(raw))
    assert found is not None
    assert how.room_for(found.offset) == found.room
    record = commands.SEGMENT.read(
        signable.only(raw).body(linkedit(raw).command), 0, what="__LINKEDIT"
    )
    assert record.file_size + machos.LINKEDIT_AT == len(raw)
