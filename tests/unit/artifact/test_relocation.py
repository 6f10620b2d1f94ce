from __future__ import annotations

import dataclasses

import pytest

from engine_ci.artifact import relocation
from engine_ci.artifact.macho.layout import FileType
from engine_ci.artifact.macho.read import Dependency, Image, Kind
from engine_ci.errors import VerificationError
from engine_ci.records.bundle import Edit

SIGNED = Edit(what="signature", new="ad hoc")


def library(name: str, *needed: str, run_paths: tuple[str, ...]) -> Image:
    return Image(
        arch="arm64",
        filetype=FileType.DYLIB,
        id=name,
        dependencies=tuple(Dependency(each, Kind.STRONG) for each in needed),
        run_paths=run_paths,
    )


SETTLED = library(
    "@rpath/liba.0.dylib",
    "@rpath/libb.0.dylib",
    "/usr/lib/libSystem.B.dylib",
    run_paths=relocation.RUN_PATHS,
)
PLACED = {"lib/libb.0.1.dylib": "libb.0.dylib"}


def test_all_that_is_otherwise_is_told_in_the_order_of_the_image() -> None:
    image = library(
        "/Users/runner/build/liba.0.dylib",
        "/usr/lib/libSystem.B.dylib",
        "@loader_path/../lib/libb.0.1.dylib",
        run_paths=("/Users/runner/build", "@loader_path"),
    )

    made = relocation.relocated(
        image, found={"@loader_path/../lib/libb.0.1.dylib": "lib/libb.0.1.dylib"}, placed=PLACED
    )

    assert made.edits == (
        Edit(
            what="install name",
            old="/Users/runner/build/liba.0.dylib",
            new="@rpath/liba.0.dylib",
        ),
        Edit(
            what="dependency",
            old="@loader_path/../lib/libb.0.1.dylib",
            new="@rpath/libb.0.dylib",
        ),
        Edit(what="run path", old="/Users/runner/build"),
        Edit(what="run path", new="@loader_path/../Frameworks"),
        SIGNED,
    )


@pytest.mark.parametrize(
    "asked", ["@rpath/..", "@rpath/", "@rpath/a\\b", "@rpath/a:b", f"@rpath/{'a' * 256}"]
)
def test_an_install_name_that_no_file_can_have_is_refused(asked: str) -> None:
    with pytest.raises(VerificationError, match="the name of a file, found") as caught:
        relocation.name("lib/liba.dylib", dataclasses.replace(SETTLED, id=asked))

    assert caught.value.message.startswith("lib/liba.dylib: ")


def test_an_image_that_is_as_it_should_be_is_signed_and_no_more() -> None:
    made = relocation.relocated(
        SETTLED, found={"@rpath/libb.0.dylib": "lib/libb.0.1.dylib"}, placed=PLACED
    )

    assert made.edits == (SIGNED,)
