"""Puts a bundle together: files moved to their places, images made to find each other, signed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from engine_ci.artifact import volatile
from engine_ci.artifact.archive import Unpacked
from engine_ci.records.bundle import AuditFinding, BundleFile
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine_ci.artifact.images import ArchivedImages
    from engine_ci.artifact.inputs import Input
    from engine_ci.artifact.loaders import Loader
    from engine_ci.artifact.plan import Kept, PrunePlan
    from engine_ci.artifact.signer import Signer
    from engine_ci.pins.model import Commit


def put(
    pruned: PrunePlan,
    given: Input,
    *,
    images: ArchivedImages[Any],
    folder: Path,
    signer: Signer,
    licences: Iterable[Path],
) -> tuple[tuple[BundleFile, ...], list[AuditFinding]]:
    """Writes the files of a bundle; what they are, sorted, and what there is to say about them.

    Args:
        pruned: which files, and under which names.
        given: where they are.
        images: those that the system's loader reads.
        folder: of the bundle.
        signer: who signs, where that is needed.
        licences: files of the app's own that go with the engine.
    """
    started = {file.path for file in pruned.images}
    placed: dict[Path, Path] = {}
    files, notes = [], []
    # The program last: what it loads is signed before it is.
    for kept in sorted(pruned.keep, key=lambda each: each.kind == "server"):
        unpacked = given.archive.unpack(kept.source)
        target = folder / kept.path
        target.parent.mkdir(parents=True, exist_ok=True)
        said = None
        if kept.path in started:
            said = given.loader.put(
                unpacked.path,
                target,
                image=images[kept.source],
                found=pruned.closure.found.get(kept.source, {}),
                names=pruned.names,
                signer=signer,
            )
        if said is None:
            _move(unpacked.path, target, placed=placed)
        else:
            notes += [AuditFinding(level="warning", path=kept.path, message=each) for each in said]
            unpacked = Unpacked(
                path=target, size=target.stat().st_size, sha256=documents.sha256_of(target)
            )
        files.append(_file(kept, unpacked))
    files += [_licence(path, folder=folder) for path in licences]
    # Wheels often lose this bit on the way.
    (folder / pruned.server).chmod(0o755)
    return tuple(sorted(files, key=lambda file: file.path)), notes


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


def _file(kept: Kept, unpacked: Unpacked) -> BundleFile:
    return BundleFile(
        path=kept.path,
        kind=kept.kind,
        size=unpacked.size,
        sha256=unpacked.sha256,
        why=kept.why,
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
