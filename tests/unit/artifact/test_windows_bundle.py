"""The whole of prepare for Windows, on images made by hand, in an archive like upstream's.

Run on any system. Nothing of it was started on Windows.
"""

from __future__ import annotations

import dataclasses
import zipfile
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle
from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit
from tests.unit.artifact import pes, wheels

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.bundle import Request

BACKEND = ("ggml_backend_init",)
FILES = {
    "llama-server.exe": pes.image(needed=("llama.dll", "VCRUNTIME140.dll")),
    "llama.dll": pes.image(
        needed=("GGML-base.dll", "KERNEL32.dll"),
        tail=b"\x0086a2835\0MSVC 19.44.35229.0\0Windows AMD64\0",
    ),
    "ggml-base.dll": pes.image(needed=("KERNEL32.dll",)),
    "ggml-cpu-haswell.dll": pes.image(needed=("ggml-base.dll",), exports=BACKEND),
    "ggml-vulkan.dll": pes.image(needed=("vulkan-1.dll",), exports=BACKEND),
    "llama-bench.exe": pes.image(needed=("llama.dll",)),
    "LICENSE": wheels.LICENCE,
}


def request(folder: Path, **changed: bytes) -> Request:
    """Of upstream's archive; a keyword replaces the file of that name and ending `.dll`."""
    path = folder / "llama-b11434-bin-win-cpu-x64.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, changed.get(name.removesuffix(".dll"), content))
    asked = wheels.request(folder, wheels.asset(path), archive=path)
    return dataclasses.replace(
        asked, platform="windows-x64", assets={"windows-x64": asked.assets["ubuntu-x64"]}
    )


def test_an_archive_becomes_a_bundle_of_what_starts_together(tmp_path: Path) -> None:
    made = bundle.prepare(request(tmp_path))

    assert {file.path: file.kind for file in made.files} == {
        "LICENSE": "licence",
        "ggml-base.dll": "library",
        "ggml-cpu-haswell.dll": "backend",
        "llama-server.exe": "server",
        "llama.dll": "library",
    }
    assert {file.path: file.why for file in made.dropped} == {
        "ggml-vulkan.dll": "a run-time backend that the app does not want",
        "llama-bench.exe": "nothing that is kept needs it",
    }
    assert made.server == "llama-server.exe"
    assert made.system_libraries == ("kernel32.dll", "vcruntime140.dll")
    assert made.commit == Commit(id="86a2835", abbreviated=True)
    assert (made.signer, made.demands) == (None, ("Windows 6.0",))


def test_its_files_are_as_they_were(tmp_path: Path) -> None:
    made = bundle.prepare(request(tmp_path))

    for file in made.files:
        assert (tmp_path / "bundle" / file.path).read_bytes() == FILES[file.path]


def test_the_runtime_of_the_compiler_is_a_warning(tmp_path: Path) -> None:
    (found,) = bundle.prepare(request(tmp_path)).findings

    assert (found.level, found.path) == ("warning", "llama-server.exe")
    assert found.message.startswith("vcruntime140.dll is not in the archive")


def test_a_wanted_backend_that_is_nowhere_is_a_warning(tmp_path: Path) -> None:
    asked = dataclasses.replace(request(tmp_path), backends=("cpu", "cuda"))

    messages = [found.message for found in bundle.prepare(asked).findings]

    assert any("the backend `cuda`" in message for message in messages)
    assert not any("the backend `cpu`" in message for message in messages)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pes.image(machine=pes.ARM64), "llama.dll: built for arm64, expected x64"),
        (
            pes.image(needed=("ggml-old.dll",)),
            "llama.dll: needs ggml-old.dll, which is neither beside the program nor the system's",
        ),
        (b"MZ, and no more", "expected a PE image"),
    ],
)
def test_what_windows_would_not_load_becomes_no_bundle(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(VerificationError, match=message):
        bundle.prepare(request(tmp_path, llama=content))

    assert not (tmp_path / "bundle").exists()


def test_the_same_archive_is_none_for_another_processor(tmp_path: Path) -> None:
    asked = request(tmp_path)
    other = dataclasses.replace(
        asked, platform="windows-arm64", assets={"windows-arm64": asked.assets["windows-x64"]}
    )

    with pytest.raises(VerificationError, match="built for x64, expected arm64"):
        bundle.prepare(other)
