"""What commits change, through git: since when, which files, to what, and what was before."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.errors import UsageError
from engine_ci.system import git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine_ci.system.git import Repository

# What GitHub calls the commit before the first push of a branch.
_NONE: Final = frozenset("0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The files in which two commits differ.

    Attributes:
        files: all, sorted; of one that was renamed both names.
        renamed: names before, by those after.
    """

    files: tuple[str, ...]
    renamed: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file in which a tree differs from another one.

    Attributes:
        mode: as git writes it; that before where the file is gone.
        text: what the file says; None where it is gone.
    """

    path: str
    mode: str
    text: str | None


def head(clone: Repository) -> str:
    """The commit that is checked out.

    Raises:
        CommandError: there is none yet.
    """
    return git.run(clone.path, "rev-parse", "--verify", "HEAD^{commit}").stdout.strip()


def subject(clone: Repository, commit: str) -> str:
    """The first line of a commit's message, whoever wrote it."""
    return git.run(clone.path, "show", "--no-patch", "--format=%s", commit).stdout.strip()


def merge_base(clone: Repository, ref: str) -> str | None:
    """The last commit that the checked-out one and `ref` have in common.

    Args:
        clone: with the whole history of both.
        ref: a branch, a tag or a commit; zeros stand for no commit at all.

    Returns:
        None where they have none in common.

    Raises:
        UsageError: there is no such commit, or the history that would tell is cut off.
    """
    if ref and _NONE.issuperset(ref):
        return None
    found = git.run(
        clone.path, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}",
        check=False,
    )  # fmt: skip
    if found.status != 0:
        raise _cut(f"{clone.path}: there is no commit `{ref}` in this clone")
    common = git.run(clone.path, "merge-base", found.stdout.strip(), "HEAD", check=False)
    if common.status != 0 and clone.is_shallow():
        raise _cut(f"{clone.path}: where HEAD left `{ref}` is not in this clone")
    return common.stdout.strip() or None


def difference(clone: Repository, *, base: str | None, to: str) -> Difference:
    """In which files two commits differ; in none where there is no base."""
    if base is None:
        return Difference(files=(), renamed={})
    listed = git.run(clone.path, "diff-tree", "-r", "-z", "-M", "--name-status", base, to).stdout
    words = iter(listed.split("\0")[:-1])
    files: set[str] = set()
    renamed = {}
    for status in words:
        path = next(words)
        files.add(path)
        if status.startswith("R"):
            now = next(words)
            renamed[now] = path
            files.add(now)
    return Difference(files=tuple(sorted(files)), renamed=renamed)


def entries(clone: Repository, *, base: str, tree: str) -> tuple[Entry, ...]:
    """The files of a tree that differ from those of `base`, which are texts."""
    listed = git.run(clone.path, "diff-tree", "-r", "-z", "--no-renames", base, tree).stdout
    words = iter(listed.split("\0")[:-1])
    return tuple(_entry(clone, *word.split(" "), path=next(words)) for word in words)


def _entry(
    clone: Repository, before: str, after: str, _: str, blob: str, status: str, *, path: str
) -> Entry:
    if status == "D":
        return Entry(path=path, mode=before.removeprefix(":"), text=None)
    text = git.run(clone.path, "cat-file", "blob", blob).stdout
    return Entry(path=path, mode=after, text=text)


@contextmanager
def worktree(clone: Repository, commit: str, *, at: Path) -> Iterator[Path]:
    """The files of a commit in a folder of their own, which is gone afterwards.

    What a run that was killed has left there goes first.
    """
    folder = at.resolve()
    _remove(clone, folder)
    # By force, twice: one that was killed while it was made is still locked.
    add = ("worktree", "add", "--quiet", "--force", "--force", "--detach")
    git.run(clone.path, *add, str(folder), commit)
    try:
        yield folder
    finally:
        _remove(clone, folder)


def _remove(clone: Repository, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    git.run(clone.path, "worktree", "prune")


def _cut(message: str) -> UsageError:
    return UsageError(message, hint="fetch its whole history: `fetch-depth: 0` of actions/checkout")
