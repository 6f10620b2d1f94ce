from __future__ import annotations

import pytest

from engine_ci.artifact import audit, plan
from engine_ci.artifact.archive import Entry
from engine_ci.artifact.elf import BACKEND, Image


def findings(
    server: Image, *, cpu: Image | None = None, others: tuple[str, ...] = ("pkg/LICENSE",)
) -> list[tuple[str, str, str]]:
    images = {
        "pkg/llama-server": server,
        "pkg/libggml-cpu.so": cpu or Image(machine="x86_64", exports=frozenset({BACKEND})),
    }
    entries = {path: Entry(path=path, size=1, fingerprint="x") for path in (*images, *others)}
    made = plan.prune(entries, images=images, backends=("cpu",), keep=())
    found = audit.findings(made, images=images, platform="ubuntu-x64", backends=("cpu",))
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


def test_a_bundle_without_licence_is_a_warning() -> None:
    assert findings(Image(machine="x86_64"), others=()) == [
        ("warning", "llama-server", "the archive holds no licence")
    ]
