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
from engine_ci.artifact import pe
from engine_ci.artifact.elf import BACKEND
from engine_ci.artifact.macho import layout, read, sign, verify
from engine_ci.artifact.macho.edit import Changes
from engine_ci.errors import MachOError
from tests.unit.artifact import pes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Feed = Callable[[bytes], None]

SOUGHT = "_ggml_backend_init"
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
def _pe() -> Iterator[Feed]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.dll")

        def feed(raw: bytes) -> None:
            path.write_bytes(raw)
            pe.read(path)

        yield feed


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


READERS = {
    reader.name: reader
    for reader in (
        Reader(name="macho", seeds=_images, opened=_macho),
        Reader(name="pe", seeds=_libraries, opened=_pe),
        Reader(name="signature", seeds=_images, opened=_signature),
        Reader(name="zip", seeds=lambda: (fuzz_archives.zipped(),), opened=_zip),
        Reader(name="tar", seeds=lambda: (fuzz_archives.tar(),), opened=_tar),
    )
}
