"""What a bundle is made of, by strategy: a published archive, or a build of source code."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine_ci.artifact import fetch, folder_archive, loaders, source_build, unpack
from engine_ci.records.bundle import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.bundle import Request
    from engine_ci.artifact.fetch import Fetched
    from engine_ci.artifact.loaders import Loader
    from engine_ci.pins.model import Platform
    from engine_ci.records.bundle import BuiltFrom


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """The files to choose from, and what is known of them.

    Attributes:
        loader: how the system reads them, and where they go.
        provenance: every file that was fetched and hashed.
        built: None where upstream built them.
    """

    archive: Archive
    loader: Loader[Any]
    provenance: Mapping[Platform, Provenance]
    built: BuiltFrom | None = None


@contextmanager
def opened(request: Request, *, work: Path, phase: Callable[[str], None]) -> Iterator[Input]:
    """The files for a request; those that are unpacked are in the new folder `work`.

    Raises:
        VerificationError: bytes that are not what they should be, or code that is not.
        OutsideError: a file could not be fetched, or the code could not be built.
    """
    phase("fetch")
    fetched = {platform: _fetched(request, platform) for platform in request.assets}
    provenance = {name: _provenance(request, name, file) for name, file in fetched.items()}
    asset, file = request.assets[request.platform], fetched[request.platform]
    loader, into = loaders.of(request.platform), work / "unpacked"
    if request.recipe is not None:
        made = source_build.ensure(
            file, request.recipe, name=asset.name, cache=request.cache, phase=phase
        )
        archive = folder_archive.copied(made.folder, into=into)
        yield Input(archive=archive, loader=loader, provenance=provenance, built=made.built)
        return
    phase("unpack")
    with unpack.opened(file.path, name=asset.name, into=into) as archive:
        yield Input(archive=archive, loader=loader, provenance=provenance)


def _fetched(request: Request, platform: Platform) -> Fetched:
    asset = request.assets[platform]
    if request.archive is not None and platform == request.platform:
        return fetch.verified(request.archive, asset)
    return fetch.fetch(asset, origins=request.origins, cache=request.cache, told=request.told)


def _provenance(request: Request, platform: Platform, file: Fetched) -> Provenance:
    return Provenance(
        source=request.source,
        asset=request.assets[platform].name,
        size=file.size,
        published_sha256=request.assets[platform].sha256,
        measured_sha256=file.sha256,
    )
