"""Who makes our commit: git on this machine, or GitHub, which signs what an app's token asks for.

Tree, parent and message are the same either way, with a sign-off by its author; and either way it
is in the clone then, on no branch. A push brings it to a branch, which has to be where it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine_ci.system import git_change

if TYPE_CHECKING:
    from datetime import datetime

    from engine_ci.system.git import Remote, Repository
    from engine_ci.system.github_commits import Commits


class Committer(Protocol):
    """Makes commits."""

    def commit(self, tree: str, *, parent: str, message: str) -> str:
        """Makes a commit of a tree of the clone's, on no branch.

        Args:
            tree: differs from that of the parent.
            parent: a commit that the remote has.
            message: ends with a trailer.

        Returns:
            its ID; the clone has it.

        Raises:
            UsageError: nobody says who commits here.
            OutsideError: git or GitHub failed.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class GitCommitter:
    """Git on this machine, in the name that it is configured with; `at` is the commit's time."""

    repository: Repository
    at: datetime

    def commit(self, tree: str, *, parent: str, message: str) -> str:
        """As every committer does."""
        identity = self.repository.identity()
        return self.repository.commit_tree(
            tree,
            parent=parent,
            message=f"{message}\nSigned-off-by: {identity}\n",
            identity=identity,
            at=self.at,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubCommitter:
    """GitHub, in the name of whom the token stands for."""

    repository: Repository
    remote: Remote
    commits: Commits

    def commit(self, tree: str, *, parent: str, message: str) -> str:
        """As every committer does."""
        entries = git_change.entries(self.repository, base=parent, tree=tree)
        commit = self.commits.create(entries, tree=tree, parent=parent, message=message)
        self.repository.fetch_commit(self.remote, commit)
        return commit
