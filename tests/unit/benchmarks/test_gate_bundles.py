from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from benchmarks.gate.bundles import FAULTS, SERVER, Fault, Others

if TYPE_CHECKING:
    from pathlib import Path

WANTED = b"GLIBC_2.27\0" + struct.pack("<I", 0x06969187)
FILES = {
    SERVER: b"\x7fELF $ORIGIN:$ORIGIN/../lib\0",
    "bin/libggml-cpu.so": b"cpu",
    "lib/libllama.so.0": b"libllama.so.0\0libggml-base.so.0\0" + b"\x90" * (1 << 18),
    "lib/libllama-server-impl.so": b"impl",
    "lib/libggml-base.so.0": b"\0" + WANTED,
    "lib/libggml.so.0": b"ggml",
    "lib/libgomp.so.1": b"gomp",
    "lib/libmtmd.so.0": b"mtmd",
    "licenses/COPYING3": b"words",
}


def package(folder: Path, note: bytes = b"") -> Path:
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + note)
    (folder / SERVER).chmod(0o755)
    return folder


def state(folder: Path) -> dict[str, tuple[bytes | str, int]]:
    return {
        path.relative_to(folder).as_posix(): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes(),
            path.lstat().st_mode,
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def others(tmp_path: Path) -> Others:
    return Others(
        arm64=package(tmp_path / "arm64", b"of arm64"), older=package(tmp_path / "older", b"old")
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_changes_the_package_and_nothing_of_the_others(
    tmp_path: Path, others: Others, fault: Fault
) -> None:
    folder = package(tmp_path / "good")
    before, theirs = state(folder), (state(others.arm64), state(others.older))

    fault.edit(folder, others)

    assert state(folder) != before
    assert (state(others.arm64), state(others.older)) == theirs


def test_faults_have_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_library_that_wants_a_newer_c_library_wants_it_by_name_and_by_hash(
    tmp_path: Path, others: Others
) -> None:
    folder = package(tmp_path / "good")
    (fault,) = (fault for fault in FAULTS if fault.name == "glibc-unheard-of")

    fault.edit(folder, others)

    content = (folder / "lib/libggml-base.so.0").read_bytes()
    assert content == b"\0GLIBC_2.99\0" + struct.pack("<I", 0x06969119)


def test_a_shorter_run_path_leaves_every_byte_behind_it_where_it_was(
    tmp_path: Path, others: Others
) -> None:
    folder = package(tmp_path / "good")
    (fault,) = (fault for fault in FAULTS if fault.name == "run-path-lost")

    fault.edit(folder, others)

    assert (folder / SERVER).read_bytes() == b"\x7fELF " + bytes(23)
