"""`engine-ci prepare`: makes the bundle of the candidate, or of the current pin."""

from __future__ import annotations

import platform as host
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final, get_args

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine_ci.artifact.bundle import Request
    from engine_ci.artifact.delegation import Delegate
    from engine_ci.artifact.expected import Expected
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.source_build import Recipe
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.config import BundlePolicy
    from engine_ci.pins.model import Asset, Commit, Pin, Platform
    from engine_ci.records.bundle import Bundle, BundleFile, Edit
    from engine_ci.records.candidate import Candidate, PublishedAsset, Release

# What a machine that engines are started on calls itself, and what upstream calls it.
_PLATFORMS: Mapping[tuple[str, str], Platform] = {
    ("Darwin", "arm64"): "macos-arm64",
    ("Darwin", "x86_64"): "macos-x64",
    ("Linux", "x86_64"): "ubuntu-x64",
}
_SIGNERS: Final = {"codesign": "codesign", "builtin": "builtin (verified on Linux only)"}


def prepare(
    *,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Where the bundle goes.", metavar="DIR", show_default=False),
    ] = None,
    current: Annotated[
        bool, typer.Option("--current", help="The current pin instead of the candidate.")
    ] = False,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="A local file, as strictly verified.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be in the bundle, and leave none.")
    ] = False,
    platform: options.Platform = None,
    signer: options.Signer = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Fetch, verify, unpack, prune and audit the candidate or the current pin."""
    from engine_ci.cli import upstream
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    release = workspace.pin if current else chosen(workspace)
    target = into or (workspace.baseline if current else workspace.candidate)
    with Progress() as say, ExitStack() as stack:
        if dry_run:
            target = Path(stack.enter_context(TemporaryDirectory()), "bundle")
        bundle = make(
            workspace,
            release,
            into=target,
            platform=known_platform(platform),
            archive=archive,
            signer=signer,
            say=say,
        )
    if not current and not dry_run:
        upstream.prepared(workspace, read_candidate(workspace), bundle)
    emit(bundle, as_json=json, otherwise=listed(bundle) if dry_run else str(target))


def listed(bundle: Bundle) -> str:
    """What is in a bundle, in the order in which it is made, and what is not, with the reasons."""
    lines = [
        *(line for file in bundle.files for line in kept(file)),
        *(f"drop  {file.path} ({file.size:,} bytes): {file.why}" for file in bundle.dropped),
        *(f"{found.level}  {found.path}: {found.message}" for found in bundle.findings),
        *([f"signer  {_SIGNERS[bundle.signer]}"] if bundle.signer else []),
        f"tree  {bundle.tree_sha256}",
    ]
    return "\n".join(lines)


def kept(file: BundleFile) -> Iterator[str]:
    """A file of a bundle, and a line for all that is otherwise than in the archive."""
    yield f"keep  {file.path} ({file.size:,} bytes): {file.why}"
    yield from (f"      {edited(edit)}" for edit in file.edits)


def edited(edit: Edit) -> str:
    """What is otherwise in a file."""
    if edit.old is None:
        return f"new {edit.what}  {edit.new}"
    if edit.new is None:
        return f"without {edit.what}  {edit.old}"
    return f"{edit.what}  {edit.old} → {edit.new}"


def chosen(workspace: Workspace) -> Release:
    """The release that `detect` chose.

    Raises:
        RecordError: `detect` has not run.
        UsageError: it chose nothing, or started from another pin.
    """
    from engine_ci.errors import UsageError

    candidate = read_candidate(workspace)
    if candidate.chosen is None:
        raise UsageError(
            f"{workspace.candidate_json}: nothing was chosen, so there is nothing to prepare",
            hint="`engine-ci detect` says why; `--current` prepares what is pinned",
        )
    return candidate.chosen


def read_candidate(workspace: Workspace) -> Candidate:
    """What `detect` left, for this pin as it is now.

    Raises:
        RecordError: `detect` has not run.
        UsageError: it ran for another pin, or from another version.
    """
    from engine_ci.errors import RecordError, UsageError
    from engine_ci.records.candidate import Candidate
    from engine_ci.system import documents

    candidate = documents.load_json(workspace.candidate_json, Candidate, error=RecordError)
    found, expected = (
        (candidate.pin, candidate.current),
        (workspace.pin.name, workspace.pin.version),
    )
    if found != expected:
        raise UsageError(
            f"{workspace.candidate_json}: made for {' '.join(found)}, the pin is "
            f"{' '.join(expected)}",
            hint="run `engine-ci detect` again",
        )
    return candidate


def read_bundle(folder: Path) -> Bundle:
    """What a prepared folder says of itself; RecordError when it does not."""
    from engine_ci.errors import RecordError
    from engine_ci.records.bundle import RECORD, Bundle
    from engine_ci.system import documents

    return documents.load_json(folder / RECORD, Bundle, error=RecordError)


def make(
    workspace: Workspace,
    release: Pin | Release,
    *,
    into: Path,
    platform: Platform,
    say: Progress,
    archive: Path | None = None,
    signer: str | None = None,
) -> Bundle:
    """Prepares one release as the configuration wants it.

    Upstream is asked who vouches for a release that is new; a pin was proposed after that, and is
    prepared without asking anybody, as is an archive that is here.
    """
    from engine_ci.artifact import bundle
    from engine_ci.pins.model import Pin

    request = request_for(
        workspace,
        release,
        into=into,
        platform=platform,
        archive=archive,
        signer=signer,
        told=say.count,
    )
    if archive is None and not isinstance(release, Pin):
        request = vouched(request, workspace)
    return bundle.prepare(
        request, phase=lambda name: say(step(name, version=release.version, platform=platform))
    )


def vouched(request: Request, workspace: Workspace) -> Request:
    """The same, with upstream being asked who vouches for it, and what its tag names."""
    from engine_ci.cli import doors

    return replace(
        request,
        vouching=doors.vouching(workspace),
        commits=doors.tagged(workspace, request.version),
    )


def step(name: str, *, version: str, platform: Platform) -> str:
    """What progress says of a step of preparing; the platform where it is not this machine's."""
    here = platform == _PLATFORMS.get((host.system(), host.machine()))
    what = f"prepare {version}" if here else f"prepare {version} for {platform}"
    return f"{what}: {name}"


def request_for(
    workspace: Workspace,
    release: Pin | Release,
    *,
    into: Path,
    platform: Platform,
    told: Callable[[int], None],
    archive: Path | None = None,
    signer: str | None = None,
) -> Request:
    """What is to be made of a release.

    Raises:
        UsageError: there is no such signer.
    """
    from engine_ci.artifact import origins
    from engine_ci.artifact import signer as signers
    from engine_ci.artifact.bundle import Request
    from engine_ci.cli import doors
    from engine_ci.pins.model import Pin

    source, policy = workspace.pin.source, workspace.config.bundle
    delegate = delegated(workspace)
    return Request(
        pin=workspace.pin.name,
        adapter=workspace.pin.adapter,
        version=release.version,
        build=release.build,
        rebuild=release.rebuild,
        source=str(source),
        origins=origins.of(
            source,
            version=release.version,
            commit=str(release.commit or ""),
            mirrors=workspace.config.mirrors,
            root=workspace.root,
            releases=doors.files(),
        ),
        # Of a pin that the app's own command serves, nothing is fetched here.
        assets={} if delegate and isinstance(release, Pin) else needed(release, platform=platform),
        platform=platform,
        backends=policy.backends,
        keep=policy.keep,
        cache=workspace.cache,
        into=into,
        licences=tuple(workspace.root / path for path in policy.licences),
        floors=floors_of(policy),
        signer=signers.named(signer),
        expected=expected(workspace, release, platform=platform),
        recipe=None if delegate else recipe(workspace, release, platform=platform),
        delegate=delegate,
        archive=archive,
        commits=named_commits(release),
        told=told,
        hashed=workspace.hashed,
    )


def named_commits(release: Pin | Release) -> dict[str, Commit]:
    """The commit of a release, by who names it."""
    from engine_ci.pins.model import Pin

    who = "the pin" if isinstance(release, Pin) else "the tag"
    return {who: release.commit} if release.commit else {}


def delegated(workspace: Workspace) -> Delegate | None:
    """The app's own command, where the configuration names one."""
    policy = workspace.config.bundle.prepare
    if policy == "builtin":
        return None
    from engine_ci.artifact.delegation import Delegate

    return Delegate(
        command=policy.command,
        root=workspace.root,
        leaves=workspace.root / policy.leaves,
        log=workspace.work / "prepare.log",
    )


def makes(workspace: Workspace, platform: Platform) -> bool:
    """Whether this machine makes bundles for a platform: of source code, for its own alone."""
    from engine_ci.pins.model import SourceBuild

    own_work = delegated(workspace) is not None
    built_here = isinstance(workspace.pin.source, SourceBuild) and not own_work
    return not built_here or platform == known_platform(None)


def recipe(workspace: Workspace, release: Pin | Release, *, platform: Platform) -> Recipe | None:
    """How the source code of a release becomes an engine; None where upstream built it.

    Raises:
        UnsupportedError: another machine has to build for that platform.
    """
    from engine_ci.errors import UnsupportedError
    from engine_ci.pins.model import SourceBuild

    source = workspace.pin.source
    if not isinstance(source, SourceBuild):
        return None
    from engine_ci.artifact.source_build import Recipe

    if not makes(workspace, platform):
        raise UnsupportedError(
            f"{workspace.pin.name} is built from source, which this machine does not for {platform}"
        )
    return Recipe(
        commit=str(release.commit) if release.commit else None,
        build=release.build,
        flags=source.flags,
        patches=source.patches,
        root=workspace.root,
        minimum_os=workspace.config.bundle.minimum_os if platform.startswith("macos") else None,
    )


def expected(workspace: Workspace, release: Pin | Release, *, platform: Platform) -> Expected:
    """What the pin and the app say is in the bundle; the pin says nothing of another release."""
    from engine_ci.pins.model import Pin

    pinned = release.platforms.get(platform) if isinstance(release, Pin) else None
    return replace(
        listed_frameworks(workspace.config.bundle, root=workspace.root, platform=platform),
        images=pinned.images if pinned else None,
        tree_sha256=pinned.tree_sha256 if pinned else None,
    )


def listed_frameworks(policy: BundlePolicy, *, root: Path, platform: Platform) -> Expected:
    """What the app itself says is in its engine, on a Mac."""
    from engine_ci.artifact.expected import NOTHING_EXPECTED, Expected

    own = policy.frameworks_list
    if own is None or not platform.startswith("macos"):
        return NOTHING_EXPECTED
    return Expected(frameworks=frameworks(root / own.file, path=own.path), frameworks_list=own.file)


def floors_of(policy: BundlePolicy) -> Floors:
    """The oldest systems that the app runs on."""
    from engine_ci.artifact import floors

    return floors.of_app(macos=policy.minimum_os, glibc=policy.glibc, glibcxx=policy.glibcxx)


def frameworks(file: Path, *, path: str) -> tuple[str, ...]:
    """The file names in an app's list of libraries.

    Args:
        file: JSON, such as Tauri's.
        path: the keys that lead to the list, with dots between them.

    Raises:
        ConfigError: there is no such list of texts.
    """
    import json
    from functools import reduce

    from engine_ci.errors import ConfigError

    try:
        found = reduce(
            lambda value, key: value[key], path.split("."), json.loads(file.read_bytes())
        )
        return tuple(PurePosixPath(each).name for each in found)
    except (OSError, ValueError, LookupError, TypeError) as problem:
        raise ConfigError(
            f"{file}: no list of paths at `{path}`: {type(problem).__name__}: {problem}",
            hint="correct `bundle.frameworks_list` in engine-ci.yaml",
        ) from problem


def needed(
    release: Pin | Release, *, platform: Platform
) -> Mapping[Platform, Asset | PublishedAsset]:
    """The files to fetch: of a pin this platform's, of a release all that a pin of it will name."""
    from engine_ci.pins.model import Pin

    if isinstance(release, Pin):
        return {name: asset for name, asset in release.platforms.items() if name == platform}
    return release.assets


def known_platform(name: str | None) -> Platform:
    """The platform of that name, or this machine's.

    Raises:
        UsageError: there is no such platform.
        UnsupportedError: this machine is none.
    """
    from engine_ci.errors import UnsupportedError, UsageError
    from engine_ci.pins.model import Platform

    if name is not None:
        matching: list[Platform] = [known for known in get_args(Platform) if known == name]
        if not matching:
            names = ", ".join(get_args(Platform))
            raise UsageError(f"there is no platform `{name}`", hint=f"choose one of: {names}")
        return matching[0]
    machine = (host.system(), host.machine())
    if machine not in _PLATFORMS:
        raise UnsupportedError(
            f"engines are not started on this machine ({' '.join(machine)})",
            hint="`engine-ci prepare --platform NAME` makes bundles for others",
        )
    return _PLATFORMS[machine]
