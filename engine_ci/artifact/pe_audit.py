"""Pure. What is wrong with the PE images of a bundle."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import pe_closure
from engine_ci.records.bundle import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.artifact.pe import Image

# What Windows 10 and 11 call themselves.
_NEWEST: Final = (10, 0)


def version(image: Image) -> str:
    """The oldest Windows that an image says it is for."""
    return "{}.{}".format(*image.windows)


def findings(images: Mapping[str, Image], *, machine: str) -> Iterator[AuditFinding]:
    """What is wrong with images, by their path in the bundle."""
    there = {posixpath.basename(path).lower() for path in images}
    for path, image in images.items():
        if image.machine != machine:
            message = f"built for {image.machine}, expected {machine}"
            yield AuditFinding(level="error", path=path, message=message)
        if image.windows > _NEWEST:
            message = f"is for Windows {version(image)} or newer, and 11 calls itself 10.0"
            yield AuditFinding(level="warning", path=path, message=message)
        if image.signed:
            message = "it is signed (Authenticode), and by whom was not verified"
            yield AuditFinding(level="note", path=path, message=message)
        for name in image.delayed:
            if name.lower() not in there and not pe_closure.is_system(name.lower()):
                message = f"loads {name} when it is first called, and that is not in the bundle"
                yield AuditFinding(level="warning", path=path, message=message)
