"""Pure. What is wrong with the ELF images of a bundle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from engine_ci.artifact import elf
from engine_ci.records.bundle import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.artifact.elf import Image
    from engine_ci.artifact.floors import Floors

# Levels of x86-64 that not every PC has.
_LACKING: Final[Mapping[int, tuple[Literal["warning", "error"], str]]] = {
    3: ("warning", "AVX2, which PCs from before 2013 and cheap ones since lack"),
    4: ("error", "AVX-512, which most PCs lack"),
}
_VERSION: Final = re.compile(r"(GLIBC|GLIBCXX)_(\d+(?:\.\d+)*)")


def findings(
    images: Mapping[str, Image], *, machine: str, floors: Floors
) -> Iterator[AuditFinding]:
    """What is wrong with images, by their path in the bundle."""
    for path, image in images.items():
        for message in _errors(image, machine=machine, floors=floors):
            yield AuditFinding(level="error", path=path, message=message)
        # One that is loaded at run time is passed over where the processor is too old for it.
        if elf.BACKEND not in image.exports and image.level in _LACKING:
            finding, what = _LACKING[image.level]
            message = f"needs x86-64-v{image.level}: {what}"
            yield AuditFinding(level=finding, path=path, message=message)


def _errors(image: Image, *, machine: str, floors: Floors) -> Iterator[str]:
    if image.machine != machine:
        yield f"built for {image.machine}, expected {machine}"
    for entry in (*image.runpath, *image.rpath):
        if not entry.startswith(("$ORIGIN", "${ORIGIN}")):
            yield f"its run path holds {entry!a}, expected only paths from $ORIGIN"
    if image.executable_stack:
        yield "its stack is executable, which a compiler's default is not"
    for name, floor in (("GLIBC", floors.glibc), ("GLIBCXX", floors.glibcxx)):
        newest = max(_versions(image, name), default=())
        if floor is not None and newest > floor.parts:
            found = ".".join(map(str, newest))
            yield f"needs {name} {found}, and {floor.who}"


def _versions(image: Image, name: str) -> Iterator[tuple[int, ...]]:
    for version in image.versions:
        match = _VERSION.fullmatch(version)
        if match is not None and match[1] == name:
            yield _parts(match[2])


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
