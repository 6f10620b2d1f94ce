"""What is to be made of a release: the request behind every bundle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine_ci.artifact.bundle import Request
    from engine_ci.artifact.delegation import Delegate
    from engine_ci.artifact.source_build import Recipe
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Asset, Commit, Pin, Platform
    from engine_ci.records.candidate import PublishedAsset, Release


def request_for(
    workspace: Workspace,
    release: Pin | Release,
    *,
    into: Path,
    platform: Platform,
    told: Callable[[int, int | None], None],
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
    from engine_ci.cli import doors, expectations
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
        floors=expectations.floors_of(policy),
        signer=signers.named(signer),
        expected=expectations.expected(workspace, release, platform=platform),
        recipe=None if delegate else recipe(workspace, release, platform=platform),
        delegate=delegate,
        archive=archive,
        commits=named_commits(release),
        told=told,
        hashed=workspace.hashed,
    )


def vouched(request: Request, workspace: Workspace) -> Request:
    """The same, with upstream being asked who vouches for it, and what its tag names."""
    from engine_ci.cli import doors

    return replace(
        request,
        vouching=doors.vouching(workspace),
        commits=doors.tagged(workspace, request.version),
    )


def needed(
    release: Pin | Release, *, platform: Platform
) -> Mapping[Platform, Asset | PublishedAsset]:
    """The files to fetch: of a pin this platform's, of a release all that a pin of it will name."""
    from engine_ci.pins.model import Pin

    if isinstance(release, Pin):
        return {name: asset for name, asset in release.platforms.items() if name == platform}
    return release.assets


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
    from engine_ci.cli.platforms import known_platform
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
