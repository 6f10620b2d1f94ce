"""Prepares a bundle: its input, prune, audit, install. Each step lives next door."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from engine_ci import __version__
from engine_ci.artifact import (
    assembly,
    audit,
    commits,
    floors,
    inputs,
    install,
    licences,
    plan,
    seal,
    stamp,
    vouching,
)
from engine_ci.artifact.expected import NOTHING_EXPECTED
from engine_ci.artifact.floors import NO_FLOORS
from engine_ci.artifact.hashed import Hashed
from engine_ci.artifact.images import ArchivedImages
from engine_ci.errors import UsageError, VerificationError
from engine_ci.records.bundle import RECORD, AuditFinding, Bundle, BundleFile, engine_sha256
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from engine_ci.artifact.delegation import Delegate
    from engine_ci.artifact.expected import Expected
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.inputs import Input
    from engine_ci.artifact.origins import Origin, Told
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.artifact.signing import Signer
    from engine_ci.artifact.source_build import Recipe
    from engine_ci.artifact.stamp import Stamp
    from engine_ci.artifact.vouching import Vouching
    from engine_ci.pins.model import Asset, Build, Commit, Platform
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
        recipe: for source code; None where the published archive holds the engine itself.
        delegate: who brings the engine instead; `assets` are hashed for the pin alone then.
        archive: a local file that stands in for the download of `platform`; as strictly verified.
        vouching: who says that the files are upstream's; None where the source has nobody.
        commits: that upstream and the app give the version, by who names it.
        told: how many bytes of a download are there.
        hashed: what this run has hashed already.
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
    recipe: Recipe | None = None
    delegate: Delegate | None = None
    archive: Path | None = None
    vouching: Vouching | None = None
    commits: Mapping[str, Commit] = field(default_factory=dict)
    told: Told = lambda _: None
    hashed: Hashed = field(default_factory=Hashed)


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


def ensure(request: Request, *, phase: Callable[[str], None] = lambda _: None) -> None:
    """Has the bundle at `request.into`; made only where it is not there, whole, for this request.

    Of two runs at once one makes it. Arguments and errors are those of `prepare`.
    """
    with documents.naming(request.into):
        asked = digest(request)
        if seal.intact(request.into, request=asked):
            return
        _refuse_platform(request)
        with install.alone(request.into):
            if not seal.renewed(request.into, request=asked):
                _made(request, phase=phase)
                seal.put(request.into, request=asked)


def _refuse_platform(request: Request) -> None:
    if request.delegate is None and request.platform not in request.assets:
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
        "recipe": _recipe(request),
        "delegate": request.delegate.command if request.delegate else None,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _recipe(request: Request) -> list[object] | None:
    if request.recipe is None:
        return None
    return [request.recipe.arguments(), [patch.sha256 for patch in request.recipe.patches]]


def _made(request: Request, *, phase: Callable[[str], None]) -> Bundle:
    """The bundle, installed by who is alone at its place."""
    with install.replacing(request.into) as work:
        with inputs.opened(request, work=work, phase=phase) as given:
            archive, loader = given.archive, given.loader
            images = ArchivedImages(archive, read=loader.read)
            pruned = plan.prune(
                archive.entries,
                images=images,
                loader=loader,
                backends=request.backends,
                keep=given.keep,
                settled=given.settled,
            )
            phase("audit")
            kept = {file.path: images[file.source] for file in pruned.images}
            findings = audit.findings(
                pruned,
                system=(
                    *loader.findings(kept, floors=_floors(request)),
                    *given.judged(pruned),
                ),
                naming=loader.naming,
                backends=request.backends,
                licensed=licences.with_upstreams(pruned, archive=archive, own=request.licences),
            )
            _refuse_errors(findings, request)
            request.expected.check(pruned)
            phase("install")
            files, notes = assembly.put(
                pruned,
                given,
                images=images,
                folder=work / "bundle",
                signer=request.signer,
                licences=request.licences,
            )
        stamped = stamp.read(
            {
                work / "bundle" / file.path: loader.noted(images[file.source])
                for file in pruned.images
            }
        )
        _refuse_other_build(request, stamped)
        _refuse_other_commit(request, given, stamped)
        bundle = _record(
            request,
            pruned,
            files=assembly.with_code(
                files, folder=work / "bundle", loader=loader, commit=stamped.commit
            ),
            given=given,
            demands=tuple(sorted(set().union(*map(loader.demands, kept.values())))),
            findings=(*findings, *notes, *vouching.findings(given.provenance.values())),
            stamped=stamped,
        )
        request.expected.check_tree(bundle.tree_sha256)
        documents.write(work / "bundle" / RECORD, documents.dump_json(bundle))
    return bundle


def tree_sha256(files: Iterable[BundleFile]) -> str:
    """The digest of an engine: over path and content of every file that is no licence."""
    return engine_sha256({file.path: file.sha256 for file in files if file.counts})


def _floors(request: Request) -> Floors:
    """The app's, else what the name of the file promises that the engine comes from."""
    if request.delegate is not None:
        return request.floors
    name = request.assets[request.platform].name
    return request.floors.or_else(floors.promised(name, platform=request.platform))


def _refuse_errors(findings: Iterable[AuditFinding], request: Request) -> None:
    errors = [f"{item.path}: {item.message}" for item in findings if item.level == "error"]
    if errors:
        raise VerificationError(
            f"{_named(request)} cannot become a bundle: {'; '.join(errors)}",
            hint="this build does not run on a machine that has nothing but the bundle",
        )


def _named(request: Request) -> str:
    asset = request.assets.get(request.platform)
    if asset is None or request.delegate is not None:
        return f"what was made for {request.pin} {request.version}"
    return asset.name


def _refuse_other_build(request: Request, stamped: Stamp) -> None:
    """Whoever else brings the engine may bring another one than was asked for."""
    known = request.build is not None and stamped.build is not None
    if request.delegate is not None and known and request.build != stamped.build:
        raise VerificationError(
            f"the app's own command left the build {stamped.build}, expected {request.build}",
            hint="it finds the version that is wanted in ENGINE_CI_VERSION",
        )


def _refuse_other_commit(request: Request, given: Input, stamped: Stamp) -> None:
    """Whoever else brings the engine may have built it from a commit of the app's own."""
    attested = {
        f"the attestation of {file.asset}": file.attestation.commit
        for file in given.provenance.values()
        if file.attestation
    }
    itself = {} if request.delegate else {"the engine itself": stamped.commit}
    commits.agree({**request.commits, **attested, **itself}, version=request.version)


def _signer(request: Request, given: Input) -> Signer | None:
    """Who signed here: nobody where nothing is signed, or where it came signed."""
    signs = request.platform.startswith("macos") and not given.settled
    return request.signer if signs else None


def _record(
    request: Request,
    pruned: PrunePlan,
    *,
    files: tuple[BundleFile, ...],
    given: Input,
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
        provenance=dict(given.provenance),
        built=given.built,
        server=pruned.server,
        files=files,
        dropped=pruned.drop,
        system_libraries=tuple(sorted(pruned.closure.system)),
        signer=_signer(request, given),
        demands=demands,
        findings=findings,
        tree_sha256=tree_sha256(files),
    )
