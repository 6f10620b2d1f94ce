"""GitHub: commits of one repository that GitHub makes itself, which it signs where an app asks.

A signed commit names nobody: GitHub does, by the token. It is on no branch until it is pushed, for
GitHub's API moves a branch without comparing where it was. What nothing refers to in the end, as
after a run that was cut off, GitHub takes away some day, like what a push leaves behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from github import InputGitTreeElement

from engine_ci.errors import GitHubError
from engine_ci.system.github_connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.system.git_change import Entry

SIGNER: Final = "GitHub <noreply@github.com>"
"""Who is the committer of what GitHub signs."""


class Commits(Connection):
    """The commits of one repository."""

    needs = (
        "the token needs to write contents: in a workflow `permissions: {contents: write}`, for an "
        "app or a fine-grained token its permission Contents: Read and write"
    )

    def create(self, entries: Iterable[Entry], *, tree: str, parent: str, message: str) -> str:
        """Makes a commit, signed off by whom GitHub names as its author.

        Args:
            entries: the files in which its tree differs from its parent's.
            tree: the tree that these have to give.
            parent: a commit that GitHub has.
            message: whose last lines are trailers, or a title alone.

        Returns:
            the ID of the commit.

        Raises:
            GitHubError: GitHub refused, did not answer, or made another tree of them.
        """
        with self._asking("making a commit"):
            onto = self._repository.get_git_commit(parent)
            elements = [_element(entry) for entry in entries]
            made = self._repository.create_git_tree(elements, base_tree=onto.tree)
            if made.sha != tree:
                raise GitHubError(
                    f"{self.repository}: a commit: expected the tree {tree}, found {made.sha}",
                    hint="nothing was changed; set `pull_request.commit` to `git`, and report this",
                )
            # Nothing else tells of every kind of token whom it stands for, and how that is written.
            author = self._repository.create_git_commit(message, made, [onto]).author
            signed_off = f"{message}\nSigned-off-by: {author.name} <{author.email}>\n"
            return self._repository.create_git_commit(signed_off, made, [onto]).sha


def _element(entry: Entry) -> InputGitTreeElement:
    if entry.text is None:
        return InputGitTreeElement(entry.path, entry.mode, "blob", sha=None)
    return InputGitTreeElement(entry.path, entry.mode, "blob", content=entry.text)
