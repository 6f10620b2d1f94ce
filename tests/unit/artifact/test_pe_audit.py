from __future__ import annotations

from engine_ci.artifact import pe_audit
from engine_ci.artifact.pe import Image


def findings(
    *delayed: str,
    machine: str = "x64",
    windows: tuple[int, int] = (10, 0),
    signed: bool = False,
) -> list[tuple[str, str, str]]:
    images = {
        "bin/llama-server.exe": Image(
            machine=machine, delayed=delayed, windows=windows, signed=signed
        ),
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


def test_a_windows_that_there_is_not_is_a_warning() -> None:
    assert findings(windows=(10, 1)) == [
        (
            "warning",
            "bin/llama-server.exe",
            "is for Windows 10.1 or newer, and 11 calls itself 10.0",
        )
    ]


def test_a_signature_is_noted() -> None:
    assert findings(signed=True) == [
        (
            "note",
            "bin/llama-server.exe",
            "it is signed (Authenticode), and by whom was not verified",
        )
    ]
