"""What differs between systems: how images are read, what they pull in, how they lie in a bundle.

`LdSo` is Linux, where a bundle keeps the folders and the bytes of its archive. `Dyld` is macOS,
where all lies in one folder, under the names that others ask for, and is signed again. `Windows`
keeps folders and bytes as Linux does; what is in such a bundle is never started.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeVar

from engine_ci.artifact import (
    elf,
    elf_audit,
    elf_closure,
    elf_volatile,
    macho_audit,
    macho_closure,
    macho_volatile,
    pe,
    pe_audit,
    pe_closure,
    pe_volatile,
    relocation,
)
from engine_ci.artifact.macho import read as macho
from engine_ci.artifact.naming import UNIX, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from engine_ci.artifact.closure import Closure, Images
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.naming import Naming
    from engine_ci.artifact.relocation import Relocation
    from engine_ci.artifact.volatile import Volatile
    from engine_ci.pins.model import Platform
    from engine_ci.records.bundle import AuditFinding

ImageT = TypeVar("ImageT")

# On a Mac the linker puts a line before every name.
_MAC_NOTED: Final = {f"_{name}": name for name in (elf.BACKEND, elf.COMMIT, elf.MODELS)}


class Loader(Protocol[ImageT]):
    """One system's way with images."""

    @property
    def naming(self) -> Naming:
        """What an engine's files are called."""

    def read(self, path: Path) -> ImageT:
        """An image's facts; VerificationError when it is none, or a damaged one."""

    def is_backend(self, image: ImageT) -> bool:
        """Whether the program can load it as a backend at run time."""

    def noted(self, image: ImageT) -> frozenset[str]:
        """Those of its exports that tell what it was built from."""

    def follow(
        self,
        program: str,
        backends: Iterable[str],
        *,
        images: Images[ImageT],
        links: Mapping[str, str],
    ) -> Closure:
        """What starts together."""

    def place(self, path: str, image: ImageT | None, *, inside: str) -> str:
        """Where a file goes in the bundle.

        Args:
            path: in the archive.
            image: None for a file that is none.
            inside: the path without the folders that all files of the engine share.
        """

    def findings(self, images: Mapping[str, ImageT], *, floors: Floors) -> Iterator[AuditFinding]:
        """What is wrong with images, by their path in the bundle."""

    def demands(self, image: ImageT) -> frozenset[str]:
        """What the system must have for the image to load."""

    def volatile(self, path: Path) -> Volatile:
        """What of an image names its build."""

    def relocated(
        self, image: ImageT, *, found: Mapping[str, str], placed: Mapping[str, str]
    ) -> Relocation | None:
        """What becomes of an image; None where its bytes stay as they are.

        Args:
            image: as it came.
            found: the path in the archive of each library that it names.
            placed: their paths in the bundle, by those in the archive.
        """


class _AsItLies:
    """A system whose bundles keep the folders and the bytes of their archive."""

    __slots__ = ()

    def place(self, path: str, image: object, *, inside: str) -> str:  # noqa: ARG002 - names lead from folder to folder, so those stay
        """Where it was."""
        return inside

    def relocated(self, *_: object, **__: object) -> None:
        """Nothing: the file is taken as it is."""


@dataclass(frozen=True, slots=True)
class LdSo(_AsItLies):
    """Linux; `machine` is the processor's name as ELF files have it."""

    machine: str
    naming: ClassVar[Naming] = UNIX

    def read(self, path: Path) -> elf.Image:
        """An ELF image."""
        return elf.read(path)

    def is_backend(self, image: elf.Image) -> bool:
        """By the function that ggml calls."""
        return elf.BACKEND in image.exports

    def noted(self, image: elf.Image) -> frozenset[str]:
        """All that `elf.read` took note of."""
        return image.exports

    def follow(
        self,
        program: str,
        backends: Iterable[str],
        *,
        images: Images[elf.Image],
        links: Mapping[str, str],  # noqa: ARG002 - a library is known by the name it is needed by
    ) -> Closure:
        """DT_NEEDED."""
        return elf_closure.follow([program, *backends], images=images)

    def findings(
        self, images: Mapping[str, elf.Image], *, floors: Floors
    ) -> Iterator[AuditFinding]:
        """What `elf_audit` says."""
        return elf_audit.findings(images, machine=self.machine, floors=floors)

    def demands(self, image: elf.Image) -> frozenset[str]:
        """Versions of symbols, and the level of the processor."""
        level = {f"x86-64-v{image.level}"} if image.level > 1 else set()
        return image.versions | level

    def volatile(self, path: Path) -> Volatile:
        """What `elf_volatile` says."""
        return elf_volatile.volatile(path)


@dataclass(frozen=True, slots=True)
class Dyld:
    """macOS; `machine` is the processor's name as Apple has it."""

    machine: str
    naming: ClassVar[Naming] = UNIX

    def read(self, path: Path) -> macho.Image:
        """The image for this processor, or for another one when there is none."""
        images = macho.read(path, seeking=_MAC_NOTED)
        return next((image for image in images if image.arch == self.machine), images[0])

    def is_backend(self, image: macho.Image) -> bool:
        """By the function that ggml calls."""
        return elf.BACKEND in self.noted(image)

    def noted(self, image: macho.Image) -> frozenset[str]:
        """All that `read` took note of, as C has the names."""
        return frozenset(_MAC_NOTED[name] for name in image.exports)

    def follow(
        self,
        program: str,
        backends: Iterable[str],
        *,
        images: Images[macho.Image],
        links: Mapping[str, str],
    ) -> Closure:
        """Load commands."""
        return macho_closure.follow(program, backends, images=images, links=links)

    def place(self, path: str, image: macho.Image | None, *, inside: str) -> str:  # noqa: ARG002 - one folder
        """In the one folder."""
        return posixpath.basename(path) if image is None else relocation.name(path, image)

    def findings(
        self, images: Mapping[str, macho.Image], *, floors: Floors
    ) -> Iterator[AuditFinding]:
        """What `macho_audit` says."""
        return macho_audit.findings(images, machine=self.machine, floors=floors)

    def demands(self, image: macho.Image) -> frozenset[str]:
        """Symbols that are imported strongly, and the oldest system that it is for."""
        system = {f"macOS {image.minimum_os}"} if image.minimum_os else set()
        return macho_closure.demands(image) | system

    def volatile(self, path: Path) -> Volatile:
        """What `macho_volatile` says."""
        return macho_volatile.volatile(path)

    def relocated(
        self, image: macho.Image, *, found: Mapping[str, str], placed: Mapping[str, str]
    ) -> Relocation | None:
        """The names of the bundle, and signed."""
        return relocation.relocated(image, found=found, placed=placed)


@dataclass(frozen=True, slots=True)
class Windows(_AsItLies):
    """Windows; `machine` is the processor's name as in that of the platform."""

    machine: str
    naming: ClassVar[Naming] = WINDOWS

    def read(self, path: Path) -> pe.Image:
        """A PE image."""
        return pe.read(path)

    def is_backend(self, image: pe.Image) -> bool:
        """By the function that ggml calls."""
        return elf.BACKEND in image.exports

    def noted(self, image: pe.Image) -> frozenset[str]:
        """Functions: Visual C++ exports no variables of llama.cpp."""
        return image.exports

    def follow(
        self,
        program: str,
        backends: Iterable[str],
        *,
        images: Images[pe.Image],
        links: Mapping[str, str],  # noqa: ARG002 - a library is known by its name
    ) -> Closure:
        """Imports."""
        return pe_closure.follow(program, backends, images=images)

    def findings(
        self,
        images: Mapping[str, pe.Image],
        *,
        floors: Floors,  # noqa: ARG002 - none is known of Windows
    ) -> Iterator[AuditFinding]:
        """What `pe_audit` says."""
        return pe_audit.findings(images, machine=self.machine)

    def demands(self, image: pe.Image) -> frozenset[str]:
        """The version of Windows."""
        return frozenset({f"Windows {pe_audit.version(image)}"})

    def volatile(self, path: Path) -> Volatile:
        """What `pe_volatile` says."""
        return pe_volatile.volatile(path)


class SettledDyld(Dyld):
    """macOS, where an app has laid out and signed its engine already."""

    __slots__ = ()

    def findings(
        self, images: Mapping[str, macho.Image], *, floors: Floors
    ) -> Iterator[AuditFinding]:
        """What `macho_audit` says, of run paths that will stay."""
        return macho_audit.findings(images, machine=self.machine, floors=floors, settled=True)

    def relocated(self, *_: object, **__: object) -> None:
        """Nothing: the file is taken as it is."""


_BY_PLATFORM: Mapping[Platform, Loader[Any]] = {
    "ubuntu-x64": LdSo("x86_64"),
    "macos-arm64": Dyld("arm64"),
    "macos-x64": Dyld("x86_64"),
    "windows-arm64": Windows("arm64"),
    "windows-x64": Windows("x64"),
}


def of(platform: Platform) -> Loader[Any]:
    """The loader of a platform, for an engine that is to be laid out."""
    return _BY_PLATFORM[platform]


def settled(platform: Platform) -> Loader[Any]:
    """The loader of a platform, for an engine that stays as it lies."""
    loader = of(platform)
    return SettledDyld(loader.machine) if isinstance(loader, Dyld) else loader
