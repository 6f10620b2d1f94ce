"""Makes a bundle: its input, prune, audit, install. Each step lives next door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine_ci.artifact import (
    assembly,
    audit,
    commits,
    floors,
    inputs,
    install,
    licences,
    plan,
    stamp,
    steps,
    vouching,
)
from engine_ci.artifact.images import ArchivedImages
from engine_ci.errors import VerificationError
from engine_ci.records.bundle import RECORD, AuditFinding, Bundle, BundleFile, engine_sha256
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine_ci.artifact.bundle import Request
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.inputs import Input
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.artifact.signer import Signer
    from engine_ci.artifact.stamp import Stamp


def made(request: Request, *, phase: Callable[[str], None]) -> Bundle:
    """The bundle, installed at `request.into` by who is alone at that place.

    Raises:
        UsageError: `into` holds something that is no bundle.
        VerificationError: bytes that are not what they should be.
        OutsideError: a file could not be fetched, read or written.
    """
    with install.replacing(request.into) as work:
        folder = work / "bundle"
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
            findings = _audited(request, given, pruned, kept=kept)
            planned = steps.steps(pruned, images=images, loader=loader)
            phase("install")
            files, notes = assembly.put(
                planned,
                archive,
                folder=folder,
                signer=request.signer,
                licences=request.licences,
            )
        stamped = stamp.read({folder / path: loader.noted(image) for path, image in kept.items()})
        _refuse_other_build(request, stamped)
        _refuse_other_commit(request, given, stamped)
        bundle = _record(
            request,
            pruned,
            files=assembly.with_code(files, folder=folder, loader=loader, commit=stamped.commit),
            given=given,
            demands=tuple(sorted(set().union(*map(loader.demands, kept.values())))),
            findings=(*findings, *notes, *vouching.findings(given.provenance.values())),
            stamped=stamped,
        )
        request.expected.check_tree(bundle.tree_sha256)
        documents.write(folder / RECORD, documents.dump_json(bundle))
    return bundle


def tree_sha256(files: Iterable[BundleFile]) -> str:
    """The digest of an engine: over path and content of every file that is no licence."""
    return engine_sha256({file.path: file.sha256 for file in files if file.counts})


def _audited(
    request: Request, given: Input, pruned: PrunePlan, *, kept: Mapping[str, Any]
) -> tuple[AuditFinding, ...]:
    """What there is to say of the files that are kept, of which `kept` are images, by path.

    Raises:
        VerificationError: they cannot become a bundle, or are not what is expected.
    """
    findings = audit.findings(
        pruned,
        system=(
            *given.loader.findings(kept, floors=_floors(request)),
            *given.judged(pruned),
        ),
        naming=given.loader.naming,
        backends=request.backends,
        licensed=licences.with_upstreams(pruned, archive=given.archive, own=request.licences),
    )
    _refuse_errors(findings, request)
    request.expected.check(pruned)
    return findings


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
