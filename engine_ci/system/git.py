"""The only door to git: commits are made and pushed without touching anybody's working tree.

A commit is put together from objects and a temporary index, so that the branch that is checked out,
its index and unsaved work stay as they are. A token travels in the environment of the one child
that needs it, as a header for the remote's own address: never in an argument, an address or a file.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine_ci.errors import CommandError, MovedError, OutsideError, UsageError
from engine_ci.system import command, git_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Hooks are programs of whoever owns the clone; none of them may see a token or stop a commit.
_SETTINGS: git_token.Settings = (("core.hooksPath", os.devnull),)
_NEW_FILE_MODE = "100644"
# No ref is moved, and no tag brought along.
_QUIETLY = ("--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")
# What a push says that came second: git itself, and a server that had taken the first meanwhile.
_LOST = re.compile(r"\(stale info\)|cannot lock ref .* (is at \w+ but expected|already exists)")
# NUL cannot occur in a commit, so a hostile name or subject cannot shift the fields.
_COMMIT_FIELDS = ("%H", "%T", "%P", "%an <%ae>", "%cn <%ce>", "%B")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who a commit is by."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """Where to fetch from and push to.

    Attributes:
        name: a remote of the clone, or an address.
        token: used when the address is HTTP; without one, git's own credentials are used.
    """

    name: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """A commit, as it stands in the repository."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    committer: str
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    def trailer(self, key: str) -> str | None:
        """The value of a trailer in the last paragraph of the message."""
        last = self.message.strip().rpartition("\n\n")[2]
        found = (line.partition(": ") for line in last.splitlines())
        return next((value.strip() for name, _, value in found if name == key), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """What a file said in a commit, the last one before it said something else."""

    commit: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A clone on this machine."""

    path: Path

    @classmethod
    def containing(cls, folder: Path) -> Repository:
        """The clone that `folder` is in.

        Raises:
            UsageError: it is in none, or in one that git refuses to read.
        """
        done = run(folder, "rev-parse", "--show-toplevel", check=False)
        if done.status != 0:
            hint = "run this in a clone of the app's repository"
            reason = done.stderr.partition("\n")[0].removeprefix("fatal: ")
            raise UsageError(f"{folder}: {reason}", hint=hint)
        return cls(path=Path(done.stdout.rstrip("\n")))

    def relative(self, path: Path) -> str:
        """The path of a file from the top of the clone, as git has it.

        Raises:
            UsageError: it lies outside.
        """
        try:
            return path.resolve().relative_to(self.path.resolve()).as_posix()
        except ValueError as problem:
            raise UsageError(f"{path}: lies outside of the clone {self.path}") from problem

    def identity(self) -> Identity:
        """Who commits here, from git's own configuration.

        Raises:
            UsageError: git does not know.
        """
        name, email = (
            run(self.path, "config", "--get", key, check=False).stdout.strip()
            for key in ("user.name", "user.email")
        )
        if not (name and email):
            hint = "set them with `git config user.name …` and `git config user.email …`"
            raise UsageError(f"{self.path}: git knows no user.name or no user.email", hint=hint)
        return Identity(name=name, email=email)

    def url(self, remote: Remote) -> str:
        """The address behind a remote, without a password.

        Raises:
            CommandError: the clone has no such remote.
        """
        address = run(self.path, "ls-remote", "--get-url", remote.name).stdout.strip()
        parts = urlsplit(address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def tips(self, remote: Remote, branches: Sequence[str]) -> dict[str, str]:
        """The commit at the tip of each of `branches` that the remote has."""
        refs = [_ref(branch) for branch in branches]
        listed = self._talk(remote, "ls-remote", remote.name, *refs).stdout
        rows = [line.split("\t") for line in listed.splitlines()]
        found = {name: commit for commit, name in rows}
        return {branch: found[_ref(branch)] for branch in branches if _ref(branch) in found}

    def default_branch(self, remote: Remote) -> str:
        """The branch that the remote shows first, and pull requests go to.

        Raises:
            OutsideError: the remote does not say, because it is empty.
        """
        listed = self._talk(remote, "ls-remote", "--symref", remote.name, "HEAD").stdout
        target = listed.partition("\t")[0].removeprefix("ref: ")
        if not target.startswith("refs/heads/"):
            raise OutsideError(
                f"{remote.name}: the remote has no default branch", hint="name it with `--base`"
            )
        return target.removeprefix("refs/heads/")

    def fetch(self, remote: Remote, branches: Iterable[str]) -> None:
        """Brings the commits of `branches` here, with their whole history, and moves no ref."""
        # Where history is cut, every commit of the base would look like one of the branch.
        whole = ("--unshallow",) if self.is_shallow() else ()
        self._talk(remote, "fetch", *_QUIETLY, *whole, remote.name, *map(_ref, branches))

    def fetch_commit(self, remote: Remote, commit: str) -> None:
        """Brings a commit here that may be on no branch; of its history what is missing."""
        self._talk(remote, "fetch", *_QUIETLY, remote.name, commit)

    def is_shallow(self) -> bool:
        """Whether the history that is here was cut off somewhere."""
        asked = run(self.path, "rev-parse", "--is-shallow-repository")
        return asked.stdout.strip() == "true"

    def whole(self, commits: Iterable[str]) -> bool:
        """Whether these commits are here with their whole history."""
        return not self.is_shallow() and all(map(self._has, commits))

    def commits(self, *, base: str, tip: str) -> tuple[Commit, ...]:
        """The commits of `tip` that `base` lacks, newest first."""
        listing = "-z", "--no-show-signature", f"--format={'%x00'.join(_COMMIT_FIELDS)}"
        fields = run(self.path, "log", *listing, f"{base}..{tip}").stdout.split("\0")
        width = len(_COMMIT_FIELDS)
        rows = [fields[at : at + width] for at in range(0, len(fields) - width + 1, width)]
        return tuple(
            Commit(
                id=row[0],
                tree=row[1],
                parents=tuple(row[2].split()),
                author=row[3],
                committer=row[4],
                message=row[5],
            )
            for row in rows
        )

    def read(self, path: str, *, at: str) -> str | None:
        """The text of a file in a commit; None when the commit has no such file."""
        done = run(self.path, "cat-file", "blob", f"{at}:{path}", check=False)
        return done.stdout if done.status == 0 else None

    def changed(self, path: str, *, line: str) -> datetime | None:
        """When a line of a file last changed that is there already, by a commit of this history.

        Args:
            path: from the top of the clone.
            line: a regular expression, as git has them, for the old line or the new one.

        Returns:
            the commit's time; None when no commit changed such a line.
        """
        found = self._changes(path, "-1", line=line, shown="%cI")
        return datetime.fromisoformat(found[0]) if found else None

    def earlier(self, path: str, *, line: str) -> Iterator[Earlier]:
        """What a file said before each change that `changed` sees, the last change first."""
        for commit in self._changes(path, line=line, shown="%P"):
            text = run(self.path, "cat-file", "blob", f"{commit}:{path}").stdout
            yield Earlier(commit=commit, text=text)

    def write_tree(self, files: Mapping[str, str], *, base: str) -> str:
        """The tree of `base` with the given texts in place of those files, as an object ID."""
        with tempfile.TemporaryDirectory(prefix="engine-ci-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            run(self.path, "read-tree", base, env=index)
            for path, text in files.items():
                blob = run(self.path, "hash-object", "-w", "--stdin", stdin=text).stdout.strip()
                entry = f"{self._mode(path, at=base)},{blob},{path}"
                run(self.path, "update-index", "--add", "--cacheinfo", entry, env=index)
            return run(self.path, "write-tree", env=index).stdout.strip()

    def commit_tree(
        self, tree: str, *, parent: str, message: str, identity: Identity, at: datetime
    ) -> str:
        """Makes a commit of a tree, on no branch; equal arguments give the same ID."""
        moment = f"{int(at.timestamp())} +0000"
        env = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (
                ("NAME", identity.name),
                ("EMAIL", identity.email),
                ("DATE", moment),
            )
        }
        done = run(self.path, "commit-tree", tree, "-p", parent, "-F", "-", stdin=message, env=env)
        return done.stdout.strip()

    def push(
        self, remote: Remote, commit: str | None, *, branch: str, expected: str | None
    ) -> None:
        """Puts a branch of the remote on `commit`, if it still is where it was seen.

        Args:
            remote: where to push.
            commit: the new tip; None deletes the branch.
            branch: created, or moved by force.
            expected: the tip that was seen; None when there was no such branch.

        Raises:
            MovedError: somebody pushed in between; nothing was changed.
            CommandError: the remote refused.
        """
        lease = f"--force-with-lease={_ref(branch)}:{expected or ''}"
        refspec = f"{commit or ''}:{_ref(branch)}"
        try:
            self._talk(remote, "push", "--porcelain", lease, remote.name, refspec)
        except CommandError as error:
            if not _LOST.search(error.stdout + error.stderr):
                raise
            message = f"{branch}: somebody else pushed to it while this ran; nothing was changed"
            raise MovedError(message, hint="look at the branch, then run again") from error

    def _has(self, commit: str) -> bool:
        return run(self.path, "cat-file", "-e", f"{commit}^{{commit}}", check=False).status == 0

    def _changes(self, path: str, *limits: str, line: str, shown: str) -> list[str]:
        # A file that is new is no change: so the cut end of a shallow history is none either.
        only = "--diff-filter=M", f"-G{line}", "--no-show-signature", f"--format={shown}"
        done = run(self.path, "log", *only, *limits, "--", f":(top,literal){path}", check=False)
        return done.stdout.split()

    def _mode(self, path: str, *, at: str) -> str:
        listed = run(self.path, "ls-tree", at, "--", path).stdout
        return listed.partition(" ")[0] or _NEW_FILE_MODE

    def _talk(self, remote: Remote, *arguments: str) -> command.Completed:
        token = remote.token
        settings = git_token.settings(token, url=self.url(remote)) if token else ()
        env = command.child_environment("SSH_")
        try:
            return run(self.path, *arguments, settings=settings, env=env)
        except CommandError as error:
            raise _clean(error, token=token) from None


def slug(url: str) -> str | None:
    """`owner/name` of a repository on a GitHub server, from its HTTP or SSH address."""
    path = urlsplit(url).path if "://" in url else url.partition(":")[2]
    owner, _, name = path.strip("/").removesuffix(".git").rpartition("/")
    return f"{owner}/{name}" if owner and name and "/" not in owner else None


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"


def run(
    folder: Path,
    *arguments: str,
    settings: git_token.Settings = (),
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
    timeout_s: float = 600.0,
) -> command.Completed:
    """Runs git with nothing of the outside's `GIT_*`; it asks nobody and speaks English."""
    whole = {
        **command.child_environment(),
        **(env or {}),
        **git_token.environment((*_SETTINGS, *settings)),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    return command.run(
        ("git", *arguments), cwd=folder, env=whole, stdin=stdin, check=check, timeout_s=timeout_s
    )


def _clean(error: CommandError, *, token: str | None) -> CommandError:
    """The same error, without the token, and with what to do about it."""
    texts = (error.message, error.stdout, error.stderr)
    message, stdout, stderr = (git_token.without(token, text) if token else text for text in texts)
    hint = error.hint or git_token.advice(stderr)
    return CommandError(message, status=error.status, stdout=stdout, stderr=stderr, hint=hint)
