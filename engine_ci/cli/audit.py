"""`engine-ci audit`: judges an engine where it lies, in a bundle, an app's folder or a `.app`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from engine_ci.config import BundlePolicy
    from engine_ci.records.audit import Audit


def audit(
    folder: Annotated[Path, typer.Argument(help="A bundle, a folder or a .app.", metavar="DIR")],
    *,
    platform: options.Platform = None,
    config: options.Config = options.CONFIG,
    json: options.Json = False,
) -> None:
    """Judge closure, floors, signatures and lists of an engine as it lies.

    For example: engine-ci audit dist/MyApp.app --platform macos-arm64

    Exit codes: 0 sound; 2 configuration, folder or platform; 3 not fit to be shipped.
    """
    from engine_ci.artifact.inspection import inspect
    from engine_ci.cli.expectations import floors_of, listed_frameworks
    from engine_ci.cli.output import emit
    from engine_ci.cli.platforms import known_platform
    from engine_ci.errors import Exit

    policy, wanted = policy_of(config), known_platform(platform)
    found = inspect(
        folder,
        platform=wanted,
        backends=policy.backends,
        floors=floors_of(policy),
        expected=listed_frameworks(policy, root=config.resolve().parent, platform=wanted),
    )
    emit(found, as_json=json, otherwise=text(found))
    if not found.sound:
        raise typer.Exit(Exit.VERIFICATION)


def policy_of(config: Path) -> BundlePolicy:
    """What the app wants of its engine; what apps usually want where it has no configuration.

    Raises:
        ConfigError: the file is wrong, or was asked for and is not there.
    """
    from engine_ci import config as configuration

    if config == options.CONFIG and not config.exists():
        return configuration.BundlePolicy()
    return configuration.load(config).bundle


def text(found: Audit) -> str:
    """One line for each finding, and one for the whole."""
    lines = [f"{each.level}: {each.path}: {each.message}" for each in found.findings]
    verdict = "sound" if found.sound else "not fit to be shipped"
    return "\n".join((*lines, f"{found.server} and {len(found.images) - 1} libraries: {verdict}"))
