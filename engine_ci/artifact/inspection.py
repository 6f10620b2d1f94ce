"""Judges an engine where it lies: in a bundle, in an app's folder, or in a built `.app`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact import (
    audit,
    folder_archive,
    judged,
    licences,
    loaders,
    plan,
    rights,
    vouching,
)
from engine_ci.artifact.images import ArchivedImages
from engine_ci.artifact.making import tree_sha256
from engine_ci.errors import RecordError, UsageError, VerificationError
from engine_ci.records.audit import Audit
from engine_ci.records.bundle import RECORD, AuditFinding, Bundle, BundleFile
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.expected import Expected
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.pins.model import Platform


def inspect(
    folder: Path,
    *,
    platform: Platform,
    backends: Sequence[str],
    floors: Floors,
    expected: Expected,
) -> Audit:
    """Judges the one engine in a folder; nothing in it is changed.

    Args:
        folder: as its app ships it.
        platform: what it is for.
        backends: run-time backends that the app wants.
        floors: the oldest systems that the app runs on.
        expected: what others say is in it.

    Raises:
        UsageError: there is no such folder.
        VerificationError: no server, more than one, or a file that is too damaged to be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    archive = folder_archive.in_place(folder)
    loader = loaders.settled(platform)
    images = ArchivedImages(archive, read=loader.read)
    found = plan.prune(
        archive.entries, images=images, loader=loader, backends=backends, keep=("*",), settled=True
    )
    seen = {file.path: images[file.source] for file in found.images}
    findings = audit.findings(
        found,
        system=(
            *loader.findings(seen, floors=floors),
            *judged.findings(found, archive=archive, platform=platform),
            *rights.findings(folder),
            *_not_to_be_started(folder, found.server, platform=platform),
            *_unexpected(found, expected),
            *_unrecorded(folder, archive),
        ),
        naming=loader.naming,
        backends=backends,
        licensed=licences.with_upstreams(found, archive=archive),
    )
    return Audit(
        schema=1,
        platform=platform,
        server=found.server,
        images=tuple(file.path for file in found.images),
        system_libraries=tuple(sorted(found.closure.system)),
        findings=findings,
        tree_sha256=tree_sha256(_files(found, archive)),
    )


def _not_to_be_started(folder: Path, server: str, *, platform: Platform) -> Iterator[AuditFinding]:
    """What an upload to a server of artifacts often does to a program."""
    if not platform.startswith("windows") and not rights.is_program(folder / server):
        message = "its owner may not start it: it lost the bit that makes it a program"
        yield AuditFinding(level="error", path=server, message=message)


def _unexpected(found: PrunePlan, expected: Expected) -> Iterator[AuditFinding]:
    try:
        expected.check(found)
    except VerificationError as problem:
        yield AuditFinding(level="error", path=found.server, message=problem.message)


def _unrecorded(folder: Path, archive: Archive) -> Iterator[AuditFinding]:
    """What is not as the bundle's own record says, where there is one, or is in doubt by it."""
    if RECORD not in archive.entries:
        return
    record = documents.load_json(folder / RECORD, Bundle, error=RecordError)
    yield from vouching.findings(record.provenance.values())
    present = {path: entry.fingerprint for path, entry in archive.entries.items()}
    for path, told in record.contradictions(present):
        yield AuditFinding(level="error", path=path, message=told)


def _files(found: PrunePlan, archive: Archive) -> Iterator[BundleFile]:
    for file in found.keep:
        entry = archive.entries[file.source]
        if file.path != RECORD:
            yield BundleFile(
                path=file.path,
                kind=file.kind,
                size=entry.size,
                sha256=entry.fingerprint,
                why=file.why,
            )
