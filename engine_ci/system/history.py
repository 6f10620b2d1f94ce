"""The history of a repository that lies elsewhere: which commits there are, and what they touch.

A bare clone without the files' contents, kept in the user's cache: git brings commits and names of
files, and a content when it is read. Nothing is checked out, no hook runs, no submodule is
followed, no password is asked for or sent, and a redirect to another protocol is refused.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from filelock import FileLock

from engine_ci.errors import CommandError, OutsideError, UsageError
from engine_ci.system import addresses, documents, git, git_mirror

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.system.command import Completed

TIP: Final = "refs/heads/tip"
_TIMEOUT_S: Final = 300.0
# More than llama.cpp publishes in three years; a range that long is no question worth an answer.
MOST_COMMITS: Final = 20_000
MOST_BYTES: Final = 16 << 20
_SETTINGS: Final = (
    ("core.askPass", ""),
    ("credential.helper", ""),
    # A server that sends nearly nothing is given up, also by the child of a git that was killed.
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    # Tidied up at times, and never by a process that outlives this one.
    ("gc.autoDetach", "false"),
    ("maintenance.autoDetach", "false"),
    # What is read must not depend on how the user likes to see it.
    ("i18n.logOutputEncoding", "UTF-8"),
    ("log.showSignature", "false"),
)
# NUL cannot occur in a commit or a path, and no path is empty: an empty field begins a commit.
_FORMAT: Final = "%x00%H%x00%at%x00%s"
_FIELDS: Final = 3
# What a commit says of its date is whatever its author's clock said.
_LAST_MOMENT: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A commit, and the paths that it touches.

    Attributes:
        at: the author's date.
        paths: of a file that was renamed, both.
    """

    id: str
    at: datetime
    subject: str
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A clone of the default branch of `address`, in a folder of this machine.

    Attributes:
        timeout_s: seconds that each question may take.
    """

    address: str
    folder: Path
    timeout_s: float = _TIMEOUT_S

    @classmethod
    def fetched(cls, address: str, *, home: Path, timeout_s: float = _TIMEOUT_S) -> History:
        """The history as it is now: what `home` has of it already is kept, where it is sound.

        Args:
            address: of the repository: `https://…` or `file://…`; read from the mirror, if any.
            home: where clones are kept, each under a name made of its address.
            timeout_s: seconds that each question may take.

        Raises:
            UsageError: the address has another protocol.
            OutsideError: git could not bring it, or `home` cannot be written.
        """
        _protocol(address)  # before it is looked for anywhere
        where = git_mirror.located(address)
        name = hashlib.sha256(where.encode()).hexdigest()[:16]
        history = cls(address=where, folder=home / name, timeout_s=timeout_s)
        with documents.naming(home):
            home.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{history.folder}.lock"):
                if not history._refreshed():
                    history._renew()
        return history

    def commit(self, name: str) -> str | None:
        """The whole ID of the commit that an ID, or the first digits of one, names here."""
        done = self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", check=False)
        return done.stdout.strip() or None

    def tagged(self, tag: str) -> str:
        """The commit of a tag, which is fetched where it is not here.

        Raises:
            CommandError: the repository has no such tag, or did not answer.
        """
        ref = f"refs/tags/{tag}"
        if (found := self.commit(ref)) is not None:
            return found
        with FileLock(f"{self.folder}.lock"):
            self._fetch(f"+{ref}:{ref}")
        return self._git("rev-parse", "--verify", f"{ref}^{{commit}}").stdout.strip()

    def date(self, commit: str) -> datetime:
        """The author's date of a commit that is here."""
        return _moment(self._git("show", "--no-patch", "--format=%at", commit).stdout.strip())

    def between(self, old: str, new: str) -> tuple[Change, ...]:
        """The commits of `new` that `old` lacks, newest first; both are whole IDs.

        Raises:
            OutsideError: `new` does not come after `old`, or too many lie between.
        """
        if self._git("merge-base", "--is-ancestor", old, new, check=False).status != 0:
            raise OutsideError(f"the commit {new} does not come after {old}")
        # A rename is told by contents, which are not here; a merge shows what it brings.
        listing = ("-z", "--no-renames", "--name-only", "--diff-merges=first-parent",
                   f"--max-count={MOST_COMMITS + 1}", f"--format={_FORMAT}")  # fmt: skip
        changes = tuple(_changes(self._git("log", *listing, f"{old}..{new}").stdout))
        if len(changes) > MOST_COMMITS:
            raise OutsideError(f"more than {MOST_COMMITS:,} commits lie between {old} and {new}")
        return changes

    def read(self, path: str, *, at: str) -> str | None:
        """The text of a file in a commit, which is fetched; None where there is no such file.

        Raises:
            OutsideError: it could not be had, or is far too long.
        """
        entry = self._git("ls-tree", at, "--", path).stdout.split()
        if not entry:
            return None
        if int(self._git("cat-file", "-s", entry[2]).stdout) > MOST_BYTES:
            raise OutsideError(f"{path} of the commit {at} has more than {MOST_BYTES:,} bytes")
        return self._git("cat-file", "blob", entry[2]).stdout

    def _refreshed(self) -> bool:
        """Whether there is a clone that could be brought up to date."""
        if not self.folder.is_dir():
            return False
        try:
            self._fetch(f"+HEAD:{TIP}")
        except CommandError:
            # The network, or a clone that a killed run or a full disk left damaged.
            return False
        return True

    def _renew(self) -> None:
        """Puts a new clone in the place of what is there, once it is whole."""
        partial = self.folder.with_name(f"{self.folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        fresh = History(address=self.address, folder=partial, timeout_s=self.timeout_s)
        try:
            fresh._git("init", "--quiet", "--bare")
            fresh._fetch(f"+HEAD:{TIP}")
            shutil.rmtree(self.folder, ignore_errors=True)
            partial.rename(self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _fetch(self, refspec: str) -> None:
        quietly = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        # A bundle has every content, and no way to ask for one.
        less = () if _is_file(self.address) else ("--filter=blob:none",)
        self._git("fetch", *quietly, *less, self.address, refspec)

    def _git(self, *arguments: str, check: bool = True) -> Completed:
        return git.run(
            self.folder,
            *arguments,
            settings=_SETTINGS,
            # A damaged clone must not be taken for a folder of a repository further up.
            env={"GIT_ALLOW_PROTOCOL": _protocol(self.address), "GIT_DIR": "."},
            check=check,
            timeout_s=self.timeout_s,
        )


def _is_file(address: str) -> bool:
    """Whether it is a bundle's path, as the mirror has it."""
    return address.startswith("/")


def _protocol(address: str) -> str:
    """The one protocol that an address may be asked by; plain HTTP only on this machine."""
    if _is_file(address):
        return "file"
    parts = urlsplit(address)
    here = parts.hostname in addresses.LOOPBACK
    if parts.scheme in ("https", "file") or (parts.scheme == "http" and here):
        return parts.scheme
    raise UsageError(f"{address}: not the address of a repository that is read over HTTPS")


def _changes(listing: str) -> Iterator[Change]:
    fields = iter(listing.split("\0"))
    next(fields)
    while len(header := tuple(islice(fields, _FIELDS))) == _FIELDS:
        commit, at, subject = header
        # Git puts a line break before the first path.
        paths = "\0".join(takewhile(bool, fields)).removeprefix("\n")
        yield Change(
            id=commit,
            at=_moment(at),
            subject=subject,
            paths=tuple(filter(None, paths.split("\0"))),
        )


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(min(max(0, int(seconds or 0)), _LAST_MOMENT), UTC)
