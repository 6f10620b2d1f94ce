from __future__ import annotations

import dataclasses

import pytest

from engine_ci.artifact import macho_audit
from engine_ci.artifact.floors import NO_FLOORS, Floors, of_app
from engine_ci.artifact.macho import read
from engine_ci.artifact.macho.imports import Import
from engine_ci.artifact.macho.layout import FileType
from engine_ci.artifact.macho.read import Dependency, Image, Kind
from engine_ci.artifact.macho.versions import Build, Version
from tests.unit.artifact.macho import compiled

METAL = "/System/Library/Frameworks/Metal.framework/Versions/A/Metal"
OLD = of_app(macos="13.4")


def compiled_image(path: str) -> Image:
    return read.images(compiled.images()[path])[0]


def errors(image: Image, *, floors: Floors = OLD, machine: str = "arm64") -> list[str]:
    found = macho_audit.findings({"llama-server": image}, machine=machine, floors=floors)
    return [item.message for item in found if item.level == "error"]


@pytest.mark.parametrize("path", ["server/llama-server", "server/libggml-metal.so"])
def test_a_sound_image_has_no_errors(path: str) -> None:
    assert errors(compiled_image(path)) == []


def test_a_symbol_that_older_systems_lack_must_be_weak() -> None:
    (message,) = errors(compiled_image("strong-metal.so"))

    assert message == (
        "needs _OBJC_CLASS_$_MTLResidencySetDescriptor (residency sets of Metal), which came with "
        "macOS 15.0, and the app runs on 13.4"
    )


def test_where_every_system_has_it_it_may_be_strong() -> None:
    assert errors(compiled_image("strong-metal.so"), floors=of_app(macos="15.0")) == []


def test_a_system_that_is_too_new_is_an_error() -> None:
    assert errors(compiled_image("macos-15.0.dylib")) == [
        "needs macOS 15.0, and the app runs on 13.4"
    ]
    assert errors(compiled_image("macos-15.0.dylib"), floors=NO_FLOORS) == []


def test_another_processor_is_an_error() -> None:
    assert errors(compiled_image("x86_64.dylib")) == ["built for x86_64, expected arm64"]


def test_a_stack_that_code_runs_from_is_an_error() -> None:
    sound = compiled_image("server/llama-server")

    assert errors(dataclasses.replace(sound, executable_stack=True)) == [
        "its stack is executable, which a compiler's default is not"
    ]


def image(*imports: Import, library: str = METAL, macos: bool = True) -> Image:
    build = Build(platform="macos", minimum_os=Version(11, 0), sdk=Version(26, 0))
    return Image(
        arch="arm64",
        filetype=FileType.DYLIB,
        dependencies=(Dependency(library, Kind.STRONG),),
        builds=(build,) if macos else (),
        imports=imports,
    )


def test_an_image_that_does_not_say_what_it_is_for_is_an_error() -> None:
    assert errors(image(macos=False)) == ["it does not say which macOS it is for"]


@pytest.mark.parametrize(
    ("symbol", "library", "found"),
    [
        (Import("_OBJC_CLASS_$_MTL4CompilerDescriptor", 1, weak=False), METAL, 1),
        (Import("_OBJC_CLASS_$_MTL4CompilerDescriptor", 1, weak=True), METAL, 0),
        (Import("_OBJC_CLASS_$_MTLTensorDescriptorOfOurs", 1, weak=False), METAL, 0),
        (Import("_posix_spawn_file_actions_addchdir", 1, weak=False), "@rpath/libours.dylib", 0),
        (Import("_posix_spawn_file_actions_addchdir", -2, weak=False), METAL, 0),
        (
            Import("_posix_spawn_file_actions_addchdir", 1, weak=False),
            "/usr/lib/libSystem.B.dylib",
            1,
        ),
    ],
)
def test_only_strong_symbols_of_the_system_count(symbol: Import, library: str, found: int) -> None:
    assert len(errors(image(symbol, library=library))) == found


def test_a_run_path_of_the_machine_that_built_it_is_told() -> None:
    found = list(
        macho_audit.findings(
            {"x": compiled_image("homebrew.dylib")}, machine="arm64", floors=NO_FLOORS
        )
    )

    assert [(item.level, item.message) for item in found] == [
        ("note", "its run path '/opt/homebrew/lib' led to the machine that built it; replaced")
    ]
