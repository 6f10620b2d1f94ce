"""Source code through git: its tags, the files of one, and what patches make of a folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine_ci.errors import VerificationError
from engine_ci.system import git, git_mirror

if TYPE_CHECKING:
    from collections.abc import Iterable

# Whatever the user's own settings are, one commit gives the same bytes.
_PLAIN: Final = ("-c", "core.autocrlf=false", "-c", "tar.umask=0022")
_ENV: Final = {"GIT_ALLOW_PROTOCOL": "https:file"}
_TAGS: Final = "refs/tags/"
# What a tag of its own kind leads to, beside the tag itself.
_PEELED: Final = "^{}"
_BY: Final = "engine-ci <engine-ci@localhost> 0 +0000"


def tags(address: str) -> dict[str, str]:
    """The commit that each tag of a repository names, annotated or not.

    Raises:
        CommandError: git could not ask it.
    """
    where = git_mirror.located(address)
    with tempfile.TemporaryDirectory() as folder:
        listed = git.run(Path(folder), "ls-remote", "--tags", where, env=_ENV).stdout
    rows = (line.partition("\t") for line in listed.splitlines())
    ids = {ref.removeprefix(_TAGS): object_id for object_id, _, ref in rows}
    return {
        name: ids.get(name + _PEELED, object_id)
        for name, object_id in ids.items()
        if not name.endswith(_PEELED)
    }


def dates(address: str, tags: Iterable[str]) -> dict[str, datetime]:
    """When the commits of some tags were made, by whoever's clock; no file of them is fetched.

    Args:
        address: of the repository.
        tags: their names; a tag of something that is no commit has no date.

    Raises:
        CommandError: git could not bring them.
    """
    where = git_mirror.located(address)
    wanted = "".join(f"{_TAGS}{tag}:{_TAGS}{tag}\n" for tag in tags)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder)
        git.run(clone, "init", "--quiet", "--bare")
        git.run(
            clone, "fetch", "--quiet", "--depth=1", "--no-tags", "--filter=tree:0", "--stdin",
            where, env=_ENV, stdin=wanted,
        )  # fmt: skip
        fields = "%(refname)%00%(committerdate:unix)%(*committerdate:unix)"
        listed = git.run(clone, "for-each-ref", f"--format={fields}", _TAGS).stdout
    rows = (line.partition("\0") for line in listed.splitlines())
    return {
        ref.removeprefix(_TAGS): datetime.fromtimestamp(int(at), UTC) for ref, _, at in rows if at
    }


def archive(address: str, *, tag: str, commit: str, into: Path) -> None:
    """Writes the files of a tag as a tar archive; its history stays where it is.

    Args:
        address: of the repository.
        tag: its name.
        commit: all 40 digits of the one that the tag must name.
        into: the new file.

    Raises:
        VerificationError: the tag names another commit.
        CommandError: git could not bring it.
    """
    where = git_mirror.located(address)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        clone = Path(folder)
        git.run(clone, "init", "--quiet", "--bare")
        git.run(
            clone, "fetch", "--quiet", "--depth=1", "--no-tags", where, f"refs/tags/{tag}",
            env=_ENV,
        )  # fmt: skip
        found = git.run(clone, "rev-parse", "FETCH_HEAD^{commit}").stdout.strip()
        if found != commit:
            raise VerificationError(
                f"{address}: expected the tag {tag} on the commit {commit}, found {found}",
                hint="a tag that was moved is no release; ask upstream before you pin it",
            )
        output = f"--output={into.absolute()}"
        git.run(clone, *_PLAIN, "archive", "--format=tar", output, found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A folder of files, seen by a repository that lies elsewhere.

    Attributes:
        files: the folder.
        repository: where git keeps what it has to.
    """

    files: Path
    repository: Path

    def begin(self) -> None:
        """Takes the files as they are."""
        self._run("init", "--quiet")
        self._run("add", "--all", "--force", ".")

    def apply(self, patch: Path) -> None:
        """Applies a patch to the files, whole or not at all; CommandError where it does not fit."""
        self._run("apply", "--index", "--whitespace=nowarn", str(patch.absolute()))

    def commit(self, message: str, *, parent: str | None) -> str:
        """The ID of a commit of the files as they were taken and patched.

        Equal files, message and parent give the same ID; the parent need not be here.
        """
        tree = self._run("write-tree")
        parents = f"parent {parent}\n" if parent else ""
        text = f"tree {tree}\n{parents}author {_BY}\ncommitter {_BY}\n\n{message}\n"
        return self._run("hash-object", "-t", "commit", "--stdin", stdin=text)

    def _run(self, *arguments: str, stdin: str | None = None) -> str:
        places = {"GIT_DIR": str(self.repository), "GIT_WORK_TREE": str(self.files)}
        return git.run(self.files, *_PLAIN, *arguments, env=places, stdin=stdin).stdout.strip()
