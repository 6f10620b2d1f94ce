"""Which engine an app's files name: the pin, or what another bot wrote into a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.bump.named import Named
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.candidate import Release


def current(workspace: Workspace, *, config: Path, platform: Platform) -> Pin | Release:
    """The engine that the app's files name now.

    Raises:
        ConfigError: a target does not find its place, or nobody says what the file's sha256 is.
    """
    from engine_ci.bump import named

    found = named.read(config.name, text=lambda name: text_of(workspace.root / name))
    return of(workspace, found, platform=platform)


def of(workspace: Workspace, named: Named, *, platform: Platform) -> Pin | Release:
    """The engine of a workspace's pin among what the files of one commit name.

    Raises:
        ConfigError: it is fetched, and nobody says what the file's sha256 is.
    """
    from engine_ci.errors import ConfigError
    from engine_ci.records.candidate import Release

    engine = named.engines[workspace.pin.name]
    known = not isinstance(engine, Release) or platform in engine.assets
    if known or workspace.config.bundle.prepare != "builtin":
        return engine
    group = f"sha256_{platform.replace('-', '_')}"
    raise ConfigError(
        f"a target names {engine.version}, {workspace.pin_file} names {workspace.pin.version}, "
        f"and no sha256 of the file for {platform} is known",
        hint=f"let a target find it with a group `{group}`, move the pin, or let the app's own "
        "command prepare the engine",
    )


def text_of(path: Path) -> str | None:
    """The text of a file, as git would have it; None where there is none to read."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return None
