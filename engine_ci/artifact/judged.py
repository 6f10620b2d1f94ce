"""What there is to say of an engine that somebody else laid out: it must be right as it lies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.macho import verify
from engine_ci.records.bundle import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.pins.model import Platform

_LIBRARY: Final = re.compile(r"\.(so|dylib|dll)(\.\d+)*$")


def findings(plan: PrunePlan, *, archive: Archive, platform: Platform) -> Iterator[AuditFinding]:
    """Broken signatures of images for macOS, and libraries that the engine does not need.

    Args:
        plan: that keeps every file where it is.
        archive: the files.
        platform: what they are for.

    Raises:
        MachOError: a signature is too damaged to be read.
    """
    if platform.startswith("macos"):
        for image in plan.images:
            for found in verify.verify(archive.unpack(image.source).path):
                for fault in found.faults:
                    message = f"its signature for {found.arch} does not hold: {fault}"
                    yield AuditFinding(level="error", path=image.path, message=message)
    for file in plan.keep:
        if file.kind == "resource" and _LIBRARY.search(file.path):
            yield AuditFinding(
                level="note",
                path=file.path,
                message="neither the server nor a wanted backend needs it",
            )
