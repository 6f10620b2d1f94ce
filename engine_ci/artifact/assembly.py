"""Puts a bundle together: files moved to their places, images made to find each other, signed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from engine_ci.artifact import signing, volatile
from engine_ci.artifact.archive import Unpacked
from engine_ci.records.bundle import AuditFinding, BundleFile
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.loaders import Loader
    from engine_ci.artifact.signer import Signer
    from engine_ci.artifact.steps import Step
    from engine_ci.pins.model import Commit


def put(
    steps: Iterable[Step],
    archive: Archive,
    *,
    folder: Path,
    signer: Signer,
    licences: Iterable[Path],
) -> tuple[tuple[BundleFile, ...], list[AuditFinding]]:
    """Writes the files of a bundle; what they are, in order, and what there is to say about them.

    Args:
        steps: what becomes of each file.
        archive: where they are.
        folder: of the bundle.
        signer: who signs, where that is needed.
        licences: files of the app's own that go with the engine, instead of ones at their places.
    """
    placed: dict[Path, Path] = {}
    notes: list[AuditFinding] = []
    files = [_licence(path, folder=folder) for path in licences]
    own = {file.path for file in files}
    for step in (step for step in steps if step.file.path not in own):
        file = step.file
        unpacked = archive.unpack(file.source)
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if step.relocation is None:
            _move(unpacked.path, target, placed=placed)
        else:
            source = placed.get(unpacked.path, unpacked.path)
            said = signing.write(source, target, changes=step.relocation.changes, signer=signer)
            notes += [AuditFinding(level="warning", path=file.path, message=each) for each in said]
            unpacked = _written(target)
        if file.kind == "server":
            # Wheels often lose this bit on the way.
            target.chmod(0o755)
        files.append(_file(step, unpacked))
    return tuple(files), notes


def with_code(
    files: Iterable[BundleFile], *, folder: Path, loader: Loader[Any], commit: Commit | None
) -> tuple[BundleFile, ...]:
    """The files, with the sha256 of the code of those that the loader reads.

    Args:
        files: of a bundle.
        folder: where they lie.
        loader: of their system.
        commit: that the engine says it was built from.
    """
    return tuple(
        _with_code(file, folder / file.path, loader=loader, commit=commit)
        if file.is_image
        else file
        for file in files
    )


def _with_code(
    file: BundleFile, image: Path, *, loader: Loader[Any], commit: Commit | None
) -> BundleFile:
    said = None if commit is None else str(commit)
    code = volatile.code_sha256(image, loader.volatile(image), commit=said)
    return file.model_copy(update={"code_sha256": code})


def _move(source: Path, target: Path, *, placed: dict[Path, Path]) -> None:
    """A file that is there already, by another name, is copied."""
    if source in placed:
        shutil.copy(placed[source], target)
    else:
        placed[source] = source.rename(target)


def _written(path: Path) -> Unpacked:
    return Unpacked(path=path, size=path.stat().st_size, sha256=documents.sha256_of(path))


def _file(step: Step, unpacked: Unpacked) -> BundleFile:
    return BundleFile(
        path=step.file.path,
        kind=step.file.kind,
        size=unpacked.size,
        sha256=unpacked.sha256,
        why=step.file.why,
        edits=step.edits,
    )


def _licence(path: Path, *, folder: Path) -> BundleFile:
    target = folder / "licences" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    target.chmod(0o644)
    return BundleFile(
        path=f"licences/{path.name}",
        kind="licence",
        size=target.stat().st_size,
        sha256=documents.sha256_of(target),
        why="the app's configuration adds it",
    )
