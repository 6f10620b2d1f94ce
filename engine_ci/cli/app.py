"""The app's repository: the options that name it, its place on GitHub, its files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import doors
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from engine_ci.bump.plan import File
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.targets import Target
    from engine_ci.system.git import Repository as Clone
    from engine_ci.system.github import Hub

Repository = Annotated[
    str | None,
    typer.Option(
        "--repository",
        envvar="GITHUB_REPOSITORY",
        help="The app's repository.",
        metavar="OWNER/NAME",
        show_default=False,
    ),
]
ApiUrl = Annotated[
    str,
    typer.Option("--api-url", envvar="GITHUB_API_URL", help="GitHub's address.", metavar="URL"),
]
Remote = Annotated[
    str, typer.Option("--remote", help="Git's name for the app's repository.", metavar="NAME")
]
API_URL = "https://api.github.com"


def hub(workspace: Workspace, *, repository: str | None, api_url: str, remote: str) -> Hub:
    """The app's repository on GitHub, to be closed.

    Raises:
        UsageError: no token, or no repository can be told.
    """
    from engine_ci.system import git
    from engine_ci.system.github import Hub

    secret = token()
    if repository is None:
        clone = git.Repository.containing(workspace.root)
        repository = repository_of(clone, remote=remote, token=secret)
    return Hub(api_url=api_url, repository=repository, token=secret)


def carrying(workspace: Workspace, name: str) -> File:
    """A file that carries the pin, seen from the top of the clone that the configuration is in.

    Raises:
        ConfigError: it is missing, lies outside the clone, or is no text in UTF-8.
    """
    from engine_ci.bump.plan import File
    from engine_ci.errors import ConfigError
    from engine_ci.system.git import Repository as Clone

    clone, path = Clone.containing(workspace.root), workspace.root / name
    try:
        # As bytes: reading text would turn CRLF into LF.
        return File(path=clone.relative(path), text=path.read_bytes().decode())
    except (OSError, ValueError, UsageError) as problem:
        raise ConfigError(
            f"{name}: not a readable text file of this clone: {problem}",
            hint="correct `pins` or `targets` in engine-ci.yaml",
        ) from problem


def targets(workspace: Workspace) -> list[tuple[Target, File]]:
    """The other places that carry the pin, each with its file; ConfigError as for `carrying`."""
    return [(each, carrying(workspace, each.file)) for each in workspace.config.targets]


def token() -> str:
    """The token of the environment; UsageError where there is none."""
    found = os.environ.get(doors.TOKEN)
    if not found:
        raise UsageError(
            f"no token is in the environment variable {doors.TOKEN}",
            hint="in a workflow: `env: {GITHUB_TOKEN: ${{ github.token }}}`",
        )
    return found


def repository_of(clone: Clone, *, remote: str, token: str) -> str:
    """The `owner/name` of a clone's remote; UsageError where its address does not tell."""
    from engine_ci.system import git

    url = clone.url(git.Remote(name=remote, token=token))
    name = git.slug(url)
    if name is None:
        raise UsageError(
            f"{url}: which repository on GitHub is this?", hint="name it with `--repository`"
        )
    return name
