"""Pure. What is wrong with a bundle that is about to be installed, and what is worth knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.records.bundle import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine_ci.artifact.naming import Naming
    from engine_ci.artifact.plan import PrunePlan


def findings(
    plan: PrunePlan,
    *,
    system: Iterable[AuditFinding],
    naming: Naming,
    backends: Iterable[str],
    licensed: bool,
) -> tuple[AuditFinding, ...]:
    """All findings, errors first.

    Args:
        plan: what is kept.
        system: what the loader's own audit says of its images.
        naming: what the system calls an engine's files.
        backends: run-time backends that the app wants.
        licensed: whether upstream's licence goes with it.
    """
    found = (
        *system,
        *_missing(plan),
        *_absent_backends(plan, backends, naming=naming),
        *_borrowed_runtimes(plan),
        *_no_licence(plan, licensed=licensed),
    )
    return tuple(sorted(found, key=lambda each: each.level != "error"))


def _missing(plan: PrunePlan) -> Iterator[AuditFinding]:
    path_of = {file.source: file.path for file in plan.images}
    for missing in plan.closure.missing:
        yield AuditFinding(
            level="error",
            path=path_of[missing.needed_by],
            message=f"needs {missing.name}, which {missing.why}",
        )


def _absent_backends(
    plan: PrunePlan, backends: Iterable[str], *, naming: Naming
) -> Iterator[AuditFinding]:
    for backend in backends:
        if not any(naming.belongs(file.path, backend=backend) for file in plan.keep):
            yield AuditFinding(
                level="warning",
                path=plan.server,
                message=f"no library for the backend `{backend}` is there, unless it is built in",
            )


def _borrowed_runtimes(plan: PrunePlan) -> Iterator[AuditFinding]:
    for name in sorted(plan.closure.borrowed):
        yield AuditFinding(
            level="warning",
            path=plan.server,
            message=f"{name} is not in the archive, and a small system may lack it",
        )


def _no_licence(plan: PrunePlan, *, licensed: bool) -> Iterator[AuditFinding]:
    if not licensed:
        yield AuditFinding(
            level="error",
            path=plan.server,
            message="upstream's licence is not in the archive: name a copy in `bundle.licences`",
        )
