"""Prepares a bundle: fetch, verify, unpack, prune, audit, install. Each step lives next door."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine_ci import __version__
from engine_ci.artifact import audit, fetch, floors, install, loaders, plan, seal, stamp, unpack
from engine_ci.artifact.archive import Unpacked
from engine_ci.artifact.expected import NOTHING_EXPECTED
from engine_ci.artifact.floors import NO_FLOORS
from engine_ci.artifact.images import ArchivedImages
from engine_ci.errors import UsageError, VerificationError
from engine_ci.records.bundle import RECORD, AuditFinding, Bundle, BundleFile, Provenance
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.expected import Expected
    from engine_ci.artifact.fetch import Fetched
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.origins import Origin, Told
    from engine_ci.artifact.plan import Kept, PrunePlan
    from engine_ci.artifact.signing import Signer
    from engine_ci.artifact.stamp import Stamp
    from engine_ci.pins.model import Asset, Build, Platform
    from engine_ci.records.candidate import PublishedAsset


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One engine at one version, and what of it the app wants.

    Attributes:
        assets: published files, this platform's and others'; all are fetched and hashed.
        platform: the one that is prepared.
        source: who publishes the files, as the pin says it.
        origins: where they may come from, in order.
        backends: run-time backends that the app wants.
        keep: patterns of further file names that the app wants.
        cache: downloads by content.
        into: where the bundle goes.
        licences: files of the app's own that go with the engine.
        floors: the oldest systems that the app runs on; where it does not say, a wheel's name does.
        signer: who signs what macOS wants signed.
        expected: what others say is in the bundle.
        archive: a local file that stands in for the download of `platform`; as strictly verified.
        told: how many bytes of a download are there.
    """

    pin: str
    adapter: str
    version: str
    build: Build | None
    rebuild: int
    source: str
    origins: tuple[Origin, ...]
    assets: Mapping[Platform, Asset | PublishedAsset]
    platform: Platform
    backends: tuple[str, ...]
    keep: tuple[str, ...]
    cache: Path
    into: Path
    licences: tuple[Path, ...] = ()
    floors: Floors = NO_FLOORS
    signer: Signer = "builtin"
    expected: Expected = NOTHING_EXPECTED
    archive: Path | None = None
    told: Told = lambda _: None


def prepare(request: Request, *, phase: Callable[[str], None] = lambda _: None) -> Bundle:
    """Makes the bundle for `request.platform` and installs it at `request.into`.

    Whatever goes wrong, what was at `request.into` before is still there.

    Args:
        request: what to prepare.
        phase: told the name of every step when it begins.

    Raises:
        UsageError: the version has no file for the platform, or `into` holds something else.
        VerificationError: bytes that are not what they should be.
        OutsideError: a file could not be fetched, read or written.
    """
    _refuse_platform(request)
    with documents.naming(request.into), install.alone(request.into):
        return _made(request, phase=phase)


def ensure(request: Request, *, phase: Callable[[str], None] = lambda _: None) -> Bundle:
    """The bundle at `request.into`, made only where it is not there, whole and for this request.

    Of two runs at once one makes it. Arguments and errors are those of `prepare`.
    """
    with documents.naming(request.into):
        asked = digest(request)
        found = seal.intact(request.into, request=asked)
        if found is not None:
            return found
        _refuse_platform(request)
        with install.alone(request.into):
            found = seal.renewed(request.into, request=asked)
            if found is None:
                found = _made(request, phase=phase)
                seal.put(request.into, request=asked)
    return found


def _refuse_platform(request: Request) -> None:
    if request.platform not in request.assets:
        raise UsageError(f"{request.pin} {request.version} has no file for {request.platform}")


def digest(request: Request) -> str:
    """Over all that decides what the bundle holds."""
    asked = {
        "engine-ci": __version__,
        "pin": request.pin,
        "version": request.version,
        "rebuild": request.rebuild,
        "assets": {platform: asset.sha256 for platform, asset in request.assets.items()},
        "platform": request.platform,
        "backends": request.backends,
        "keep": request.keep,
        "licences": [documents.sha256_of(path) for path in request.licences],
        "floors": asdict(request.floors),
        "signer": request.signer,
        "expected": asdict(request.expected),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _made(request: Request, *, phase: Callable[[str], None]) -> Bundle:
    """The bundle, installed by who is alone at its place."""
    with install.replacing(request.into) as work:
        phase("fetch")
        fetched = {platform: _fetched(request, platform) for platform in request.assets}
        phase("unpack")
        with unpack.opened(
            fetched[request.platform].path,
            name=request.assets[request.platform].name,
            into=work / "unpacked",
        ) as archive:
            loader = loaders.of(request.platform)
            images = ArchivedImages(archive, read=loader.read)
            pruned = plan.prune(
                archive.entries,
                images=images,
                loader=loader,
                backends=request.backends,
                keep=request.keep,
            )
            phase("audit")
            kept = {file.path: images[file.source] for file in pruned.images}
            findings = audit.findings(
                pruned,
                system=loader.findings(kept, floors=_floors(request)),
                naming=loader.naming,
                backends=request.backends,
                licensed=_licensed(request, pruned, archive),
            )
            _refuse_errors(findings, request)
            request.expected.check(pruned)
            phase("install")
            files, notes = _put(request, pruned, archive, images=images, folder=work / "bundle")
        bundle = _record(
            request,
            pruned,
            files=files,
            provenance=_provenance(request, fetched),
            demands=tuple(sorted(set().union(*map(loader.demands, kept.values())))),
            findings=(*findings, *notes),
            stamped=stamp.read(
                {
                    work / "bundle" / file.path: loader.noted(images[file.source])
                    for file in pruned.images
                }
            ),
        )
        request.expected.check_tree(bundle.tree_sha256)
        documents.write(work / "bundle" / RECORD, documents.dump_json(bundle))
    return bundle


def tree_sha256(files: Iterable[BundleFile]) -> str:
    """The digest of an engine: over path and content of every file that is no licence."""
    lines = sorted(f"{file.path}\0{file.sha256}\n" for file in files if file.kind != "licence")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _fetched(request: Request, platform: Platform) -> Fetched:
    asset = request.assets[platform]
    if request.archive is not None and platform == request.platform:
        return fetch.verified(request.archive, asset)
    return fetch.fetch(asset, origins=request.origins, cache=request.cache, told=request.told)


def _floors(request: Request) -> Floors:
    name = request.assets[request.platform].name
    return request.floors.or_else(floors.promised(name, platform=request.platform))


def _refuse_errors(findings: Iterable[AuditFinding], request: Request) -> None:
    errors = [f"{item.path}: {item.message}" for item in findings if item.level == "error"]
    if errors:
        raise VerificationError(
            f"{request.assets[request.platform].name} cannot become a bundle: {'; '.join(errors)}",
            hint="this build does not run on a machine that has nothing but the bundle",
        )


def _licensed(request: Request, pruned: PrunePlan, archive: Archive) -> bool:
    """Whether upstream's own licence is among those that go with the engine."""
    kept = [archive.unpack(file.source).path for file in pruned.keep if file.kind == "licence"]
    return any(audit.is_upstreams(path.read_bytes()) for path in (*kept, *request.licences))


def _put(
    request: Request,
    pruned: PrunePlan,
    archive: Archive,
    *,
    images: ArchivedImages[Any],
    folder: Path,
) -> tuple[tuple[BundleFile, ...], list[AuditFinding]]:
    """Writes the bundle's files; what there is to say about that."""
    loader = loaders.of(request.platform)
    started = {file.path for file in pruned.images}
    placed: dict[Path, Path] = {}
    files, notes = [], []
    for kept in pruned.keep:
        unpacked = archive.unpack(kept.source)
        target = folder / kept.path
        target.parent.mkdir(parents=True, exist_ok=True)
        said = None
        if kept.path in started:
            said = loader.put(
                unpacked.path,
                target,
                image=images[kept.source],
                found=pruned.closure.found.get(kept.source, {}),
                names=pruned.names,
                signer=request.signer,
            )
        if said is None:
            _move(unpacked.path, target, placed=placed)
        else:
            notes += [AuditFinding(level="warning", path=kept.path, message=each) for each in said]
            unpacked = Unpacked(
                path=target, size=target.stat().st_size, sha256=documents.sha256_of(target)
            )
        files.append(_file(kept, unpacked))
    files += [_licence(path, folder=folder) for path in request.licences]
    # Wheels often lose this bit on the way.
    (folder / pruned.server).chmod(0o755)
    return tuple(sorted(files, key=lambda file: file.path)), notes


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
    return BundleFile(
        path=f"licences/{path.name}",
        kind="licence",
        size=target.stat().st_size,
        sha256=documents.sha256_of(target),
        why="the app's configuration adds it",
    )


def _provenance(
    request: Request, fetched: Mapping[Platform, Fetched]
) -> dict[Platform, Provenance]:
    return {
        platform: Provenance(
            source=request.source,
            asset=request.assets[platform].name,
            size=file.size,
            published_sha256=request.assets[platform].sha256,
            measured_sha256=file.sha256,
        )
        for platform, file in fetched.items()
    }


def _record(
    request: Request,
    pruned: PrunePlan,
    *,
    files: tuple[BundleFile, ...],
    provenance: dict[Platform, Provenance],
    demands: tuple[str, ...],
    findings: tuple[AuditFinding, ...],
    stamped: Stamp,
) -> Bundle:
    return Bundle(
        schema=1,
        pin=request.pin,
        adapter=request.adapter,
        platform=request.platform,
        version=request.version,
        build=request.build if request.build is not None else stamped.build,
        rebuild=request.rebuild,
        commit=stamped.commit,
        architectures=stamped.architectures,
        provenance=provenance,
        server=pruned.server,
        files=files,
        dropped=pruned.drop,
        system_libraries=tuple(sorted(pruned.closure.system)),
        signer=request.signer if request.platform.startswith("macos") else None,
        demands=demands,
        findings=findings,
        tree_sha256=tree_sha256(files),
    )
