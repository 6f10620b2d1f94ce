"""Where the app's repository is on GitHub, and how it is reached."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace
    from engine_ci.system import git

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
Remote = Annotated[str, typer.Option("--remote", help="Where the branch is pushed.")]

API_URL = "https://api.github.com"
TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of the variable, not a token


class Access(TypedDict):
    """What a connection to GitHub needs to know."""

    api_url: str
    repository: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The app's repository: a clone of it here, and the one on GitHub.

    Attributes:
        remote: of the clone, which leads there.
        repository: `owner/name`.
    """

    clone: git.Repository
    remote: git.Remote
    api_url: str
    repository: str
    token: str = field(repr=False)

    @property
    def access(self) -> Access:
        """Opens a connection."""
        return {"api_url": self.api_url, "repository": self.repository, "token": self.token}


def find(workspace: Workspace, *, repository: str | None, api_url: str, remote: str) -> Place:
    """The repository that the configuration is in.

    Raises:
        UsageError: there is no token or no clone, or no repository can be told.
        CommandError: the clone has no such remote.
    """
    from engine_ci.system import git

    token = _token()
    clone = git.Repository.containing(workspace.root)
    there = git.Remote(name=remote, token=token)
    return Place(
        clone=clone,
        remote=there,
        api_url=api_url,
        repository=repository or _slug(clone.url(there)),
        token=token,
    )


def _token() -> str:
    token = os.environ.get(TOKEN)
    if not token:
        raise UsageError(
            f"a token is needed in the environment variable {TOKEN}",
            hint="in a workflow: `env: {GITHUB_TOKEN: ${{ github.token }}}`",
        )
    return token


def _slug(url: str) -> str:
    from engine_ci.system import git

    name = git.slug(url)
    if name is None:
        raise UsageError(
            f"{url}: which repository on GitHub is this?", hint="name it with `--repository`"
        )
    return name
