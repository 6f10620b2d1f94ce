"""What is fed with damaged files, and the whole files that the damage begins with."""

from __future__ import annotations

import tarfile
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import fuzz_archives
from engine_ci.artifact import elf, elf_volatile, macho_volatile, pe, pe_volatile, stamp
from engine_ci.artifact.elf import BACKEND
from engine_ci.artifact.macho import layout, read, sign, verify
from engine_ci.artifact.macho.edit import Changes
from engine_ci.artifact.volatile import code_sha256
from engine_ci.errors import MachOError
from tests.unit.artifact import elves, pes
from tests.unit.artifact.test_elf_volatile import library
from tests.unit.artifact.test_pe_volatile import linked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Feed = Callable[[bytes], None]

SOUGHT = "_ggml_backend_init"
_COMMIT = "d812350"
_IMAGES = Path(__file__).parents[2] / "fixtures/macho/images.tar.xz"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One way into the program for bytes made by strangers.

    Attributes:
        seeds: gives whole files.
        opened: gives what takes a file's bytes; it may raise a VerificationError and nothing else.
    """

    name: str
    seeds: Callable[[], tuple[bytes, ...]]
    opened: Callable[[], AbstractContextManager[Feed]]


@contextmanager
def _macho() -> Iterator[Feed]:
    def feed(raw: bytes) -> None:
        for each in layout.slices(raw):
            found = read.image(each, seeking=[SOUGHT]).exports
            assert found <= {export.name for export in read.all_exports(each)}

    yield feed


@contextmanager
def _signature() -> Iterator[Feed]:
    """Verifies, then edits and signs; what is signed must hold, whatever the rest of it is."""
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder, "image"), Path(folder, "signed")
        changes = Changes(run_paths=["@loader_path"])

        def feed(raw: bytes) -> None:
            path.write_bytes(raw)
            with suppress(MachOError):
                verify.verify(path)
            sign.rewrite(path, target, changes=changes, identifier="image")
            faults = [each.faults for each in verify.verify(target) if each.faults]
            assert not faults, faults

        yield feed


@contextmanager
def _zip() -> Iterator[Feed]:
    with tempfile.TemporaryDirectory() as folder:
        yield partial(fuzz_archives.unpacked, Path(folder), "toy.zip")


@contextmanager
def _tar() -> Iterator[Feed]:
    """The checksums of headers are made right: they would see most damage first."""
    with tempfile.TemporaryDirectory() as folder:

        def feed(raw: bytes) -> None:
            whole = bytearray(raw)
            fuzz_archives.repair(whole)
            fuzz_archives.unpacked(Path(folder), "toy.tar", bytes(whole))

        yield feed


@contextmanager
def _file(read: Callable[[Path], object]) -> Iterator[Feed]:
    """For what reads files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image")

        def feed(raw: bytes) -> None:
            path.write_bytes(raw)
            read(path)

        yield feed


def _elf(path: Path) -> None:
    """Reads an image, and what its bytes say of themselves."""
    stamp.read({path: elf.read(path).exports})


def _volatile(path: Path) -> None:
    """Sets aside what names a build; where it is zeroes already, that changes nothing."""
    raw = bytearray(path.read_bytes())
    kinds = {b"MZ": pe_volatile, b"\x7fE": elf_volatile}
    where = kinds.get(bytes(raw[:2]), macho_volatile).volatile(path)
    code_sha256(path, where, commit=_COMMIT)
    code = code_sha256(path, where, commit=None)
    for each in where.ranges:
        raw[each.start : each.stop] = bytes(len(raw[each.start : each.stop]))
    path.write_bytes(raw)
    assert code_sha256(path, where, commit=None) == code


def _images() -> tuple[bytes, ...]:
    with tarfile.open(_IMAGES) as archive:
        streams = [archive.extractfile(member) for member in archive]
        return tuple(stream.read() for stream in streams if stream)


def _libraries() -> tuple[bytes, ...]:
    names = ("ggml-base.dll", "KERNEL32.dll")
    exports = ("ggml_backend_score", "llama_init", "zoo")
    return (
        pes.image(needed=names, delayed=("late.dll",), exports=exports, certificate=bytes(64)),
        pes.image(needed=names, exports=(BACKEND,), machine=0x14C, bits=32),
        pes.image(delayed=names, machine=pes.ARM64, tail=b"name\0" * 99),
    )


def _shared_objects() -> tuple[bytes, ...]:
    """By hand, with every table that is read, and by the system's compiler, with sections."""
    return (
        elves.image(
            needed=("libggml.so", "libc.so.6"),
            soname="libllama.so",
            runpath="$ORIGIN:/lib",
            numbers={elf.BUILD_NUMBER: 11434, elf.MODELS: 1},
            texts={elf.COMMIT: _COMMIT.encode() + b"\0"},
            versions=("GLIBC_2.28", "GLIBC_2.34"),
            stack=6,
            note=elves.properties((0xC0008002, b"\x03\0\0\0")),
            tail=b"\0clip\0llama\0qwen3moe\0bert\0GNU 14.2.1\0d812350\0",
        ),
        library(debug="a link"),
    )


READERS = {
    reader.name: reader
    for reader in (
        Reader(name="elf", seeds=_shared_objects, opened=partial(_file, _elf)),
        Reader(
            name="volatile",
            seeds=lambda: (library(debug="a link"), linked(), *_images()),
            opened=partial(_file, _volatile),
        ),
        Reader(name="macho", seeds=_images, opened=_macho),
        Reader(name="pe", seeds=_libraries, opened=partial(_file, pe.read)),
        Reader(name="signature", seeds=_images, opened=_signature),
        Reader(name="zip", seeds=lambda: (fuzz_archives.zipped(),), opened=_zip),
        Reader(name="tar", seeds=lambda: (fuzz_archives.tar(),), opened=_tar),
    )
}
