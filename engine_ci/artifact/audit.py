"""Pure. What is wrong with a bundle that is about to be installed, and what is worth knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact.closure import RUNTIMES
from engine_ci.records.bundle import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine_ci.artifact.closure import Images
    from engine_ci.artifact.elf import Image
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.pins.model import Platform

MACHINES: Mapping[Platform, str] = {"ubuntu-x64": "x86_64"}


def findings(
    plan: PrunePlan,
    *,
    images: Images,
    platform: Platform,
    backends: Iterable[str],
) -> tuple[AuditFinding, ...]:
    """All findings, errors first.

    Args:
        plan: what is kept.
        images: by path in the archive.
        platform: what the bundle is for.
        backends: run-time backends that the app wants.
    """
    kept = {file.path: images[file.source] for file in plan.images}
    return (
        *_wrong_machines(kept, expected=MACHINES[platform]),
        *_missing(plan),
        *_absolute_run_paths(kept),
        *_absent_backends(plan, backends),
        *_borrowed_runtimes(plan),
        *_no_licence(plan),
    )


def _wrong_machines(kept: Mapping[str, Image], *, expected: str) -> Iterator[AuditFinding]:
    for path, image in kept.items():
        if image.machine != expected:
            yield AuditFinding(
                level="error",
                path=path,
                message=f"built for {image.machine}, expected {expected}",
            )


def _missing(plan: PrunePlan) -> Iterator[AuditFinding]:
    path_of = {file.source: file.path for file in plan.images}
    for missing in plan.closure.missing:
        yield AuditFinding(
            level="error",
            path=path_of[missing.needed_by],
            message=f"needs {missing.name}, which its run path does not find",
        )


def _absolute_run_paths(kept: Mapping[str, Image]) -> Iterator[AuditFinding]:
    for path, image in kept.items():
        for entry in (*image.runpath, *image.rpath):
            if not entry.startswith(("$ORIGIN", "${ORIGIN}")):
                yield AuditFinding(
                    level="error",
                    path=path,
                    message=f"its run path holds {entry!a}, expected only paths from $ORIGIN",
                )


def _absent_backends(plan: PrunePlan, backends: Iterable[str]) -> Iterator[AuditFinding]:
    names = [file.path.rpartition("/")[2] for file in plan.keep]
    for backend in backends:
        if not any(
            name.startswith((f"libggml-{backend}.", f"libggml-{backend}-")) for name in names
        ):
            yield AuditFinding(
                level="warning",
                path=plan.server,
                message=f"no library for the backend `{backend}` is there, unless it is built in",
            )


def _borrowed_runtimes(plan: PrunePlan) -> Iterator[AuditFinding]:
    for name in sorted(plan.closure.system & RUNTIMES):
        yield AuditFinding(
            level="warning",
            path=plan.server,
            message=f"{name} is not in the archive, and a small system may lack it",
        )


def _no_licence(plan: PrunePlan) -> Iterator[AuditFinding]:
    if not any(file.kind == "licence" for file in plan.keep):
        yield AuditFinding(
            level="warning", path=plan.server, message="the archive holds no licence"
        )
