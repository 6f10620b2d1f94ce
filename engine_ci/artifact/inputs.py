"""What a bundle is made of, by strategy: a published archive, source code, or an app's own work."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine_ci.artifact import (
    fetch,
    folder_archive,
    judged,
    loaders,
    rights,
    source_build,
    unpack,
)
from engine_ci.records.bundle import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.bundle import Request
    from engine_ci.artifact.delegation import Delegate
    from engine_ci.artifact.fetch import Fetched
    from engine_ci.artifact.loaders import Loader
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.pins.model import Platform
    from engine_ci.records.bundle import AuditFinding, BuiltFrom


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """The files to choose from, and what is known of them.

    Attributes:
        loader: how the system reads them, and where they go.
        keep: patterns of the names of further files that are wanted.
        provenance: every file that was fetched and hashed.
        built: None where upstream built them.
        settled: whether the files stay where they are.
        judged: what else there is to say of what is kept.
    """

    archive: Archive
    loader: Loader[Any]
    keep: tuple[str, ...]
    provenance: Mapping[Platform, Provenance]
    built: BuiltFrom | None = None
    settled: bool = False
    judged: Callable[[PrunePlan], Iterable[AuditFinding]] = lambda _: ()


@contextmanager
def opened(request: Request, *, work: Path, phase: Callable[[str], None]) -> Iterator[Input]:
    """The files for a request; those that are unpacked are in the new folder `work`.

    Raises:
        VerificationError: bytes that are not what they should be, or code that is not.
        OutsideError: a file could not be fetched, or the code could not be built.
    """
    phase("fetch")
    fetched = _all(request)
    provenance = _vouched(request, fetched)
    into = work / "unpacked"
    if request.delegate is not None:
        phase("run the app's own command")
        yield _delegated(request, request.delegate, into=into, provenance=provenance)
        return
    asset, file = request.assets[request.platform], fetched[request.platform]
    loader = loaders.of(request.platform)
    if request.recipe is not None:
        made = source_build.ensure(
            file, request.recipe, name=asset.name, cache=request.cache, phase=phase
        )
        yield Input(
            archive=folder_archive.copied(made.folder, into=into),
            loader=loader,
            keep=request.keep,
            provenance=provenance,
            built=made.built,
        )
        return
    phase("unpack")
    with unpack.opened(file.path, name=asset.name, into=into) as archive:
        yield Input(archive=archive, loader=loader, keep=request.keep, provenance=provenance)


def provenance(request: Request) -> Mapping[Platform, Provenance]:
    """Where every file of a request comes from: fetched and hashed, and nothing unpacked.

    Raises:
        VerificationError: a file is not what it should be, or who made it is somebody else.
        OutsideError: a file could not be fetched.
    """
    return _vouched(request, _all(request))


def _delegated(
    request: Request,
    delegate: Delegate,
    *,
    into: Path,
    provenance: Mapping[Platform, Provenance],
) -> Input:
    """All that the app's command left, where it left it."""
    delegate.run(
        version=request.version,
        build=request.build,
        platform=request.platform,
        file=request.assets.get(request.platform),
    )
    archive = folder_archive.copied(delegate.leaves, into=into)

    def judge(plan: PrunePlan) -> Iterator[AuditFinding]:
        yield delegate.unvouched(plan.server)
        yield from judged.findings(plan, archive=archive, platform=request.platform)
        yield from rights.findings(delegate.leaves)

    return Input(
        archive=archive,
        loader=loaders.settled(request.platform),
        keep=("*",),
        provenance=provenance,
        settled=True,
        judged=judge,
    )


def _all(request: Request) -> dict[Platform, Fetched]:
    return {platform: _fetched(request, platform) for platform in request.assets}


def _vouched(request: Request, fetched: Mapping[Platform, Fetched]) -> dict[Platform, Provenance]:
    return {name: _provenance(request, name, file) for name, file in fetched.items()}


def _fetched(request: Request, platform: Platform) -> Fetched:
    asset = request.assets[platform]
    if request.archive is not None and platform == request.platform:
        return fetch.verified(request.archive, asset, hashed=request.hashed)
    return fetch.fetch(
        asset,
        origins=request.origins,
        cache=request.cache,
        told=lambda done: request.told(done, asset.size),
        hashed=request.hashed,
    )


def _provenance(request: Request, platform: Platform, file: Fetched) -> Provenance:
    name, vouching = request.assets[platform].name, request.vouching
    return Provenance(
        source=request.source,
        asset=name,
        size=file.size,
        published_sha256=request.assets[platform].sha256,
        measured_sha256=file.sha256,
        attestation=vouching.of(name, sha256=file.sha256, build=request.build)
        if vouching
        else None,
    )
