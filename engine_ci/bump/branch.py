"""Our branch of the app's repository: one commit of ours on top of the base, or none.

It moves only from where it was seen to be, so that what others push meanwhile is never lost.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.errors import ForeignCommitError, GitHubError, MovedError, OutsideError
from engine_ci.system.github_commits import SIGNER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.bump.committer import Committer
    from engine_ci.system.git import Commit, Remote, Repository

# The commit names its own tree: amended or rebased by a person, it no longer does.
TREE = "Engine-CI-Tree"
# A token that is not known, or lacks a right.
_REFUSED = (401, 403)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Where the branches stood when they were looked at.

    Attributes:
        base: the commit at the tip of the base.
        tip: the commit at the tip of ours; None where there is no such branch.
    """

    base: str
    tip: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A branch, and the one that it is to be merged into.

    Attributes:
        repository: a clone; its working tree and branches stay as they are.
        remote: where the branch is.
        name: of the branch.
        base: the name of the other.
        committer: who makes our commit.
    """

    repository: Repository
    remote: Remote
    name: str
    base: str
    committer: Committer

    def look(self) -> Seen:
        """Where both stand now; their commits are in the clone then.

        Raises:
            OutsideError: there is no base, or git failed.
            MovedError: one was moved meanwhile.
        """
        tips = self.repository.tips(self.remote, [self.base, self.name])
        if self.base not in tips:
            raise OutsideError(
                f"{self.remote.name}: there is no branch {self.base}", hint="name it with `--base`"
            )
        if not self.repository.whole(tips.values()):
            self.repository.fetch(self.remote, tips)
            if not self.repository.whole(tips.values()):
                raise MovedError(f"{self.name}: it or {self.base} was moved while this ran")
        return Seen(base=tips[self.base], tip=tips.get(self.name))

    def carries(self, tree: str, *, seen: Seen) -> bool:
        """Whether it is the base and one commit of ours with that tree.

        Raises:
            ForeignCommitError: a commit on it is not ours.
        """
        commits = self.repository.commits(base=seen.base, tip=seen.tip) if seen.tip else ()
        _stop_at_foreign(commits, branch=self.name)
        return [(commit.tree, commit.parents) for commit in commits] == [(tree, (seen.base,))]

    def tree(self, files: Mapping[str, str], *, seen: Seen) -> str:
        """The tree of the base with these texts in place of those files."""
        return self.repository.write_tree(files, base=seen.base)

    @contextmanager
    def on(self, tree: str | None, *, message: str, seen: Seen) -> Iterator[None]:
        """Makes it the base and one commit of ours, where a tree is given, and then does the block.

        It is taken back where GitHub does not let the token do what the block does.

        Raises:
            MovedError: it is no longer where it was seen.
            OutsideError: git or GitHub failed.
        """
        commit = self._put(tree, message=message, seen=seen) if tree else None
        try:
            yield
        except GitHubError as error:
            if commit and error.status in _REFUSED:
                # That error says what to do; what is left here, the next run goes on with.
                with suppress(OutsideError):
                    self.repository.push(self.remote, seen.tip, branch=self.name, expected=commit)
            raise

    def _put(self, tree: str, *, message: str, seen: Seen) -> str:
        named = f"{message}\n\n{TREE}: {tree}"
        commit = self.committer.commit(tree, parent=seen.base, message=named)
        self.repository.push(self.remote, commit, branch=self.name, expected=seen.tip)
        return commit


def _stop_at_foreign(commits: tuple[Commit, ...], *, branch: str) -> None:
    for commit in commits:
        # Whom GitHub signs for is the author, and somebody who signs our commit anew is neither.
        own = commit.committer in (commit.author, SIGNER)
        if commit.trailer(TREE) != commit.tree or not own:
            raise ForeignCommitError(
                f"{branch}: commit {commit.id[:12]} by {commit.committer} is not ours: "
                f"{commit.subject}",
                hint="nothing was changed: move that work to another branch, or delete this one",
            )
