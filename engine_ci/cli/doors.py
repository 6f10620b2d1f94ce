"""Where upstream is asked, by the variables of the environment, and what for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine_ci.artifact.vouching import Vouching
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Commit
    from engine_ci.releases.sources.github_releases import Place
    from engine_ci.system.answers import Api

# The API that upstream's releases are read from; GitHub's own where nothing is said.
API: Final = "ENGINE_CI_RELEASES_API_URL"
# A workflow's token, and the API that it is for.
TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - the name of the variable, not a token
TOKENS_API: Final = "GITHUB_API_URL"


def reader(workspace: Workspace) -> Api:
    """Reads from upstream's server, or from the mirror."""
    return api(workspace.cache)


def api(cache: Path) -> Api:
    """Reads from the mirror; else from upstream's server, with the token that is for it.

    Args:
        cache: the user's folder for downloads.
    """
    from engine_ci.system import mirror
    from engine_ci.system.answers import Kept
    from engine_ci.system.rest import GITHUB, RestReader

    if (kept := mirror.below("api")) is not None:
        return Kept(kept)
    url = os.environ.get(API, GITHUB).rstrip("/")
    of_token = os.environ.get(TOKENS_API, GITHUB).rstrip("/")
    token = os.environ.get(TOKEN) if url == of_token else None
    return RestReader(url, cache=cache / "github", token=token)


def files() -> str:
    """The address of the server that has the files of GitHub's releases, or the mirror's folder."""
    from engine_ci.system import mirror, release_files

    return mirror.below("releases") or os.environ.get(release_files.VARIABLE, release_files.SERVER)


def models() -> str | None:
    """Where repositories of models are served; None where nobody said."""
    from engine_ci.gate import repository
    from engine_ci.system import mirror

    return mirror.below("models") or os.environ.get(repository.ADDRESS)


def releases(workspace: Workspace) -> Place:
    """Where releases of GitHub are read."""
    from engine_ci.releases.sources.github_releases import Place
    from engine_ci.system import mirror

    return Place(
        api=reader(workspace),
        files=files(),
        ledgers=workspace.cache / "seen",
        partial=mirror.place() is not None,
    )


def vouching(workspace: Workspace) -> Vouching | None:
    """Who says that a release's files are upstream's; None where the source has nobody."""
    from pydantic import TypeAdapter

    from engine_ci.artifact.vouching import Answer, Vouching, address
    from engine_ci.errors import NotThereError
    from engine_ci.pins.model import GitHubReleases

    source = workspace.pin.source
    if not isinstance(source, GitHubReleases):
        return None
    repository, api = source.repository, reader(workspace)

    def ask(sha256: str) -> Sequence[Mapping[str, Any]]:
        try:
            page = api.page(address(repository, sha256=sha256), TypeAdapter(Answer))
        except NotThereError:
            return ()
        return page.content.bundles

    return Vouching(repository=repository, ask=ask, known=workspace.vouched)


def tagged(workspace: Workspace, version: str) -> dict[str, Commit]:
    """The commit that the tag of a release names, by who says so; nothing elsewhere."""
    from engine_ci.pins.model import Commit, GitHubReleases
    from engine_ci.releases.sources import github_tags

    source = workspace.pin.source
    if not isinstance(source, GitHubReleases):
        return {}
    if version not in workspace.tagged:
        workspace.tagged[version] = github_tags.commit(
            source.repository, version, api=reader(workspace)
        )
    found = workspace.tagged[version]
    return {} if found is None else {"the tag": Commit(id=found)}
