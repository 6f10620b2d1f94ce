"""Images that zig and LLVM's linker signed: made again to the bit, edited, and signed as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.macho import layout, read, sign, signature, verify
from engine_ci.artifact.macho.edit import Changes
from engine_ci.errors import MachOError
from tests.unit.artifact.macho import compiled

if TYPE_CHECKING:
    from pathlib import Path

UNSIGNED = {"x86_64.dylib"}
FAT = {"fat.dylib"}
NO_ROOM = {"no-pad.dylib", "chained/libbase.dylib", "chained/plugin.so"}
CHANGES = Changes(run_paths=["@loader_path/../Frameworks"])
SIGNED = sorted(compiled.images().keys() - UNSIGNED - FAT)


@pytest.fixture
def written(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "image"
    path.write_bytes(compiled.images()[request.param])
    return path


@pytest.mark.parametrize("written", SIGNED, indirect=True)
def test_what_a_linker_signed_is_verified_and_made_again_to_the_bit(written: Path) -> None:
    (found,) = verify.verify(written)
    assert found.faults == ()
    assert found.signature is not None
    assert found.signature.linker_signed

    sign.resign(written, written.with_name("again"))

    assert written.with_name("again").read_bytes() == written.read_bytes()


def test_the_signed_slice_of_a_fat_file_is_made_again_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "image"
    (arm,) = [
        each for each in layout.slices(compiled.images()["fat.dylib"]) if each.arch == "arm64"
    ]
    path.write_bytes(arm.data)

    sign.resign(path, path)

    assert path.read_bytes() == arm.data


@pytest.mark.parametrize("written", sorted(compiled.images().keys() - NO_ROOM), indirect=True)
def test_an_image_is_edited_signed_and_imports_what_it_did(written: Path) -> None:
    before = layout.slices(written.read_bytes())

    sign.rewrite(written, written, changes=CHANGES, identifier="a")

    after = layout.slices(written.read_bytes())
    assert [each.faults for each in verify.verify(written)] == [()] * len(before)
    for old, new in zip(before, after, strict=True):
        was, found = read.image(old), read.image(new)
        assert found.run_paths == ("@loader_path/../Frameworks",)
        assert (found.imports, found.uuid) == (was.imports, was.uuid)
        assert list(read.all_exports(new)) == list(read.all_exports(old))


@pytest.mark.parametrize("written", sorted(NO_ROOM), indirect=True)
def test_an_image_without_room_is_refused_as_it_is(written: Path) -> None:
    raw = written.read_bytes()

    with pytest.raises(MachOError, match=r"load commands need \d+ bytes, the header has room for"):
        sign.rewrite(written, written, changes=CHANGES, identifier="a")

    assert written.read_bytes() == raw
    sign.rewrite(written, written, identifier="a")
    (found,) = verify.verify(written)
    assert found.faults == ()


@pytest.mark.parametrize("name", sorted(UNSIGNED))
def test_what_is_not_signed_says_so(name: str) -> None:
    (image,) = layout.slices(compiled.images()[name])

    assert signature.read(image) is None
