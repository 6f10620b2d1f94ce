from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import audit, licences, plan
from engine_ci.artifact.archive import Entry
from engine_ci.artifact.elf import BACKEND, Image
from engine_ci.artifact.floors import NO_FLOORS, Floors, of_app
from engine_ci.artifact.loaders import LdSo

if TYPE_CHECKING:
    from pathlib import Path


def findings(
    server: Image,
    *,
    cpu: Image | None = None,
    licensed: bool = True,
    floors: Floors = NO_FLOORS,
) -> list[tuple[str, str, str]]:
    images = {
        "pkg/llama-server": server,
        "pkg/libggml-cpu.so": cpu or Image(machine="x86_64", exports=frozenset({BACKEND})),
    }
    entries = {path: Entry(path=path, size=1, fingerprint=path) for path in images}
    loader = LdSo("x86_64")
    made = plan.prune(entries, images=images, loader=loader, backends=("cpu",), keep=())
    kept = {file.path: images[file.source] for file in made.images}
    found = audit.findings(
        made,
        system=loader.findings(kept, floors=floors),
        naming=loader.naming,
        backends=("cpu",),
        licensed=licensed,
    )
    return [(item.level, item.path, item.message) for item in found]


def test_a_sound_bundle_has_no_findings() -> None:
    assert findings(Image(machine="x86_64", needed=("libc.so.6",), runpath=("$ORIGIN",))) == []


def test_another_architecture_is_an_error() -> None:
    assert findings(Image(machine="aarch64")) == [
        ("error", "llama-server", "built for aarch64, expected x86_64")
    ]


def test_a_library_that_nobody_has_is_an_error() -> None:
    assert findings(Image(machine="x86_64", needed=("libcurl.so.4",))) == [
        ("error", "llama-server", "needs libcurl.so.4, which its run path does not find")
    ]


@pytest.mark.parametrize("entry", ["/home/runner/lib", "", "lib"])
@pytest.mark.parametrize("kind", ["runpath", "rpath"])
def test_a_run_path_that_leaves_the_bundle_s_control_is_an_error(kind: str, entry: str) -> None:
    paths = {kind: ("${ORIGIN}/x", entry)}

    ((level, path, message),) = findings(
        Image(machine="x86_64", runpath=paths.get("runpath", ()), rpath=paths.get("rpath", ()))
    )

    assert (level, path) == ("error", "llama-server")
    assert repr(entry) in message


def test_a_wanted_backend_that_is_nowhere_is_a_warning() -> None:
    ((level, _, message),) = findings(Image(machine="x86_64"), cpu=Image(machine="x86_64"))

    assert level == "warning"
    assert "`cpu`" in message


def test_a_compiler_runtime_of_the_system_is_a_warning() -> None:
    ((level, _, message),) = findings(Image(machine="x86_64", needed=("libgomp.so.1",)))

    assert level == "warning"
    assert "libgomp.so.1" in message


def test_a_bundle_without_upstreams_licence_is_an_error() -> None:
    ((level, path, message),) = findings(Image(machine="x86_64"), licensed=False)

    assert (level, path) == ("error", "llama-server")
    assert "bundle.licences" in message


@pytest.mark.parametrize(
    ("text", "upstreams"),
    [
        (b"MIT License\n\nCopyright (c) 2023-2026 The ggml authors\n", True),
        (b"Copyright (c) 2023 Georgi Gerganov", True),
        (b"GCC RUNTIME LIBRARY EXCEPTION", False),
    ],
)
def test_upstreams_licence_names_its_authors(
    tmp_path: Path, text: bytes, *, upstreams: bool
) -> None:
    file = tmp_path / "LICENSE"
    file.write_bytes(text)

    assert licences.is_upstreams(file) is upstreams


def test_a_licence_larger_than_any_memory_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "LICENSE"
    file.write_bytes(b"Copyright (c) 2023-2026 The ggml authors\n")
    os.truncate(file, 1 << 40)

    assert licences.is_upstreams(file)


@pytest.mark.parametrize(
    ("versions", "floors", "expected"),
    [
        ({"GLIBC_2.34"}, of_app(glibc="2.28"), ["needs GLIBC 2.34, and the app runs with 2.28"]),
        ({"GLIBC_2.9", "GLIBC_2.28", "GLIBC_PRIVATE"}, of_app(glibc="2.28"), []),
        ({"GLIBC_2.34", "GLIBCXX_3.4.30"}, NO_FLOORS, []),
        (
            {"GLIBC_2.2.5", "GLIBCXX_3.4.30", "CXXABI_1.3.13"},
            of_app(glibc="2.28", glibcxx="3.4.25"),
            ["needs GLIBCXX 3.4.30, and the app runs with 3.4.25"],
        ),
    ],
)
def test_newer_libraries_of_the_system_than_the_app_promises_are_an_error(
    versions: set[str], floors: Floors, expected: list[str]
) -> None:
    image = Image(machine="x86_64", versions=frozenset(versions))

    assert [message for _, _, message in findings(image, floors=floors)] == expected


def test_a_stack_that_code_runs_from_is_an_error() -> None:
    ((level, _, message),) = findings(Image(machine="x86_64", executable_stack=True))

    assert level == "error"
    assert "executable" in message


def test_errors_come_first() -> None:
    image = Image(machine="x86_64", needed=("libgomp.so.1", "libcurl.so.4"))

    assert [level for level, _, _ in findings(image)] == ["error", "warning"]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_processor_that_every_pc_has_is_no_finding(level: int) -> None:
    assert findings(Image(machine="x86_64", level=level)) == []


@pytest.mark.parametrize(
    ("level", "finding", "what"),
    [
        (3, "warning", "AVX2, which PCs from before 2013 and cheap ones since lack"),
        (4, "error", "AVX-512, which most PCs lack"),
    ],
)
def test_a_processor_that_not_every_pc_has_is_told_and_one_that_few_have_an_error(
    level: int, finding: str, what: str
) -> None:
    assert findings(Image(machine="x86_64", level=level)) == [
        (finding, "llama-server", f"needs x86-64-v{level}: {what}")
    ]


def test_a_backend_that_is_passed_over_where_it_does_not_run_may_need_any_processor() -> None:
    cpu = Image(machine="x86_64", exports=frozenset({BACKEND}), level=4)

    assert findings(Image(machine="x86_64"), cpu=cpu) == []


def test_the_processor_is_among_what_the_system_must_have() -> None:
    loader = LdSo("x86_64")
    versions = frozenset({"GLIBC_2.34"})

    assert loader.demands(Image(machine="x86_64", versions=versions, level=1)) == versions
    assert loader.demands(Image(machine="x86_64", versions=versions, level=2)) == {
        "GLIBC_2.34", "x86-64-v2",
    }  # fmt: skip
