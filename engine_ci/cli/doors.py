"""Where upstream is asked, by the variables of the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace
    from engine_ci.releases.sources.github_releases import Place
    from engine_ci.system.rest import RestReader

# The API that upstream's releases are read from; GitHub's own where nothing is said.
API: Final = "ENGINE_CI_RELEASES_API_URL"
# A workflow's token, and the API that it is for.
TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - the name of the variable, not a token
TOKENS_API: Final = "GITHUB_API_URL"


def reader(workspace: Workspace) -> RestReader:
    """Reads from upstream's server, with the workflow's token where that is of the same server."""
    from engine_ci.system.rest import GITHUB, RestReader

    url = os.environ.get(API, GITHUB).rstrip("/")
    of_token = os.environ.get(TOKENS_API, GITHUB).rstrip("/")
    token = os.environ.get(TOKEN) if url == of_token else None
    return RestReader(url, cache=workspace.cache / "github", token=token)


def releases(workspace: Workspace) -> Place:
    """Where releases of GitHub are read."""
    from engine_ci.releases.sources.github_releases import Place
    from engine_ci.system import release_files

    return Place(
        api=reader(workspace),
        files=os.environ.get(release_files.VARIABLE, release_files.SERVER),
        ledgers=workspace.cache / "seen",
    )
