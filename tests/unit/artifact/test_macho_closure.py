from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import macho_closure
from engine_ci.artifact.closure import Closure, Missing
from engine_ci.artifact.macho import read
from engine_ci.artifact.macho.layout import FileType
from engine_ci.artifact.macho.read import Dependency, Image, Kind
from tests.unit.artifact.macho import compiled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBSYSTEM = "/usr/lib/libSystem.B.dylib"


def image(*needed: str, run_paths: Sequence[str] = (), weak: Sequence[str] = ()) -> Image:
    return Image(
        arch="arm64",
        filetype=FileType.DYLIB,
        dependencies=(
            *(Dependency(name, Kind.STRONG) for name in needed),
            *(Dependency(name, Kind.WEAK) for name in weak),
        ),
        run_paths=tuple(run_paths),
    )


def follow(
    images: Mapping[str, Image],
    *,
    program: str = "bin/server",
    backends: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
) -> Closure:
    return macho_closure.follow(program, backends, images=images, links=links or {})


def test_what_a_compiled_server_needs_is_found_along_its_run_paths() -> None:
    images = {
        f"bin/{posixpath.basename(path)}": read.images(content)[0]
        for path, content in compiled.images().items()
        if path.startswith("server/")
    }

    found = follow(images, program="bin/llama-server", backends=["bin/libggml-metal.so"])

    assert found.why == {
        "bin/libllama.0.dylib": "bin/llama-server",
        "bin/libggml-base.0.dylib": "bin/libggml-metal.so",
        "bin/libggml.0.dylib": "bin/libllama.0.dylib",
    }
    assert found.missing == ()
    assert LIBSYSTEM in found.system
    assert found.found["bin/llama-server"] == {"@rpath/libllama.0.dylib": "bin/libllama.0.dylib"}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("@loader_path/liba.dylib", "bin/liba.dylib"),
        ("@loader_path/../lib/liba.dylib", "lib/liba.dylib"),
        ("@executable_path/../Frameworks/liba.dylib", "Frameworks/liba.dylib"),
    ],
)
def test_places_are_seen_from_the_image_or_the_program(name: str, place: str) -> None:
    assert follow({"bin/server": image(name), place: image()}).why == {place: "bin/server"}


def test_of_a_library_in_another_folder_the_loader_path_is_its_own() -> None:
    images = {
        "bin/server": image("@loader_path/../lib/liba.dylib"),
        "lib/liba.dylib": image("@loader_path/libb.dylib", "@executable_path/libc.dylib"),
        "lib/libb.dylib": image(),
        "bin/libc.dylib": image(),
    }

    assert set(follow(images).why) == {"lib/liba.dylib", "lib/libb.dylib", "bin/libc.dylib"}


def test_run_paths_are_inherited_from_whoever_loads_an_image() -> None:
    images = {
        "bin/server": image("@rpath/liba.dylib", run_paths=["@loader_path/../lib"]),
        "lib/liba.dylib": image("@rpath/libb.dylib"),
        "lib/libb.dylib": image(),
    }

    assert set(follow(images).why) == {"lib/liba.dylib", "lib/libb.dylib"}


def test_an_images_own_run_paths_come_first() -> None:
    images = {
        "bin/server": image("@loader_path/../x/liba.dylib", run_paths=["@loader_path/../lib"]),
        "x/liba.dylib": image("@rpath/libb.dylib", run_paths=["@loader_path"]),
        "x/libb.dylib": image(),
        "lib/libb.dylib": image(),
    }

    assert "x/libb.dylib" in follow(images).why
    assert "lib/libb.dylib" not in follow(images).why


def test_a_backend_finds_what_the_programs_run_paths_lead_to() -> None:
    images = {
        "bin/server": image(run_paths=["@executable_path/../lib"]),
        "bin/libggml-metal.so": image("@rpath/libggml-base.dylib"),
        "lib/libggml-base.dylib": image(),
    }

    found = follow(images, backends=["bin/libggml-metal.so"])

    assert found.why == {"lib/libggml-base.dylib": "bin/libggml-metal.so"}


@pytest.mark.parametrize(
    "name",
    ["libomp.dylib", "@rpath/libomp.dylib", "@loader_pathology/libomp.dylib"],
)
def test_what_is_neither_in_the_archive_nor_the_systems_is_missing(name: str) -> None:
    found = follow({"bin/server": image(name, run_paths=["/opt/homebrew/lib", "@loader_path"])})

    assert found.missing == (Missing(name=name, needed_by="bin/server"),)


def test_a_weak_library_may_be_missing() -> None:
    images = {"bin/server": image(weak=["@rpath/libextra.dylib"])}

    assert follow(images).missing == ()


@pytest.mark.parametrize(
    "name",
    [
        "/opt/homebrew/lib/libomp.dylib",
        "/usr/local/lib/libomp.dylib",
        "/Users/runner/build/libomp.dylib",
        "/usr/lib/../local/lib/libomp.dylib",
    ],
)
@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_a_library_outside_of_the_system_and_the_bundle_is_told_even_if_it_may_be_missing(
    name: str, kind: str
) -> None:
    asking = image(name) if kind == "strong" else image(weak=[name])

    (told,) = follow({"bin/server": asking}).missing

    assert (told.name, told.why) == (name, "lies outside of the system and the bundle")


def test_a_weak_library_that_is_there_is_kept() -> None:
    images = {
        "bin/server": image(weak=["@loader_path/libextra.dylib"]),
        "bin/libextra.dylib": image(),
    }

    assert set(follow(images).why) == {"bin/libextra.dylib"}


def test_a_library_asked_for_by_two_links_is_one_file() -> None:
    images = {
        "bin/server": image("@loader_path/liba.dylib", "@loader_path/liba.0.dylib"),
        "bin/liba.dylib": image(),
        "bin/liba.0.dylib": image(),
        "bin/liba.0.1.dylib": image(),
    }
    links = {"bin/liba.dylib": "bin/liba.0.1.dylib", "bin/liba.0.dylib": "bin/liba.0.1.dylib"}

    found = follow(images, links=links)

    assert set(found.why) == {"bin/liba.0.1.dylib"}
    assert set(found.found["bin/server"].values()) == {"bin/liba.0.1.dylib"}


NAMES = st.sampled_from(["a", "b", "c", "d"])


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4), min_size=1))
def test_circles_end_and_all_that_can_be_reached_is_kept(needs: dict[str, list[str]]) -> None:
    images = {name: image(*(f"@rpath/{other}" for other in others), run_paths=["@loader_path"])
              for name, others in needs.items()}  # fmt: skip
    program = min(images)

    found = follow(images, program=program)

    kept = {program, *found.why}
    for path in kept:
        for other in needs[path]:
            assert other in kept or Missing(name=f"@rpath/{other}", needed_by=path) in found.missing
    assert kept <= set(images)
