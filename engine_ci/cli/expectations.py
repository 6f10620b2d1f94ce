"""What the pin and the app say is in an engine, and the oldest systems that it must run on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.expected import Expected
    from engine_ci.artifact.floors import Floors
    from engine_ci.cli.workspace import Workspace
    from engine_ci.config import BundlePolicy
    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.candidate import Release


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


def floors_of(policy: BundlePolicy) -> Floors:
    """The oldest systems that the app runs on."""
    from engine_ci.artifact import floors

    return floors.of_app(macos=policy.minimum_os, glibc=policy.glibc, glibcxx=policy.glibcxx)
