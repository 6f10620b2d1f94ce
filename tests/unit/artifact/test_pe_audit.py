from __future__ import annotations

from engine_ci.artifact import pe_audit
from engine_ci.artifact.pe import Image


def findings(*delayed: str, machine: str = "x64") -> list[tuple[str, str, str]]:
    images = {
        "bin/llama-server.exe": Image(machine=machine, delayed=delayed),
        "bin/late.dll": Image(machine="x64"),
    }
    found = pe_audit.findings(images, machine="x64")
    return [(item.level, item.path, item.message) for item in found]


def test_a_sound_image_has_no_findings() -> None:
    assert findings("LATE.dll", "User32.dll") == []


def test_another_processor_is_an_error() -> None:
    assert findings(machine="arm64") == [
        ("error", "bin/llama-server.exe", "built for arm64, expected x64")
    ]


def test_a_library_that_is_loaded_late_and_is_not_there_is_a_warning() -> None:
    assert findings("nvcuda.dll") == [
        (
            "warning",
            "bin/llama-server.exe",
            "loads nvcuda.dll when it is first called, and that is not in the bundle",
        )
    ]
