"""A model's file in a repository of models, at one commit: `{address}/{repository}/resolve/…`.

The address of the server is the user's to give. No name of one is in the code or in a catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import StringConstraints

from engine_ci.errors import DownloadError, UsageError, VerificationError
from engine_ci.system.documents import CommitId, Document, RelativePath
from engine_ci.system.download import download

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS: Final = "ENGINE_CI_MODELS_URL"

_SEGMENT: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_HINTS: Final = {
    401: "the repository is not public, and no token is ever sent: mirror the file",
    403: "the repository is not public, and no token is ever sent: mirror the file",
    404: "there is no such file: compare repository, revision and file with what is published",
    429: "the server has enough of us: run again later, or serve the file from a mirror of yours",
}
_COMPARE: Final = "do not use this file; compare the entry with what the repository publishes"
_RUN_AGAIN: Final = f"run again later, or look whether {ADDRESS} is right"


class RepositoryFile(Document):
    """A file of a repository at one commit, which no later push can change."""

    kind: Literal["repository"]
    repository: Annotated[str, StringConstraints(pattern=rf"^{_SEGMENT}/{_SEGMENT}$")]
    revision: CommitId
    file: RelativePath

    @property
    def path(self) -> str:
        """Where it lies, below the address that serves repositories."""
        return f"{self.repository}/resolve/{self.revision}/{self.file}"

    def __str__(self) -> str:
        return f"{self.file} of {self.repository} at {self.revision}"


def fetch(source: RepositoryFile, *, address: str | None, size: int, into: Path) -> None:
    """Downloads the file, for the caller to verify.

    Args:
        source: which file.
        address: where repositories are served, such as `https://models.example`, or a folder;
            None when the user has not said.
        size: of the file, in bytes.
        into: overwritten.

    Raises:
        UsageError: there is no address.
        DownloadError: the file could not be had; names repository, revision, status and what to do.
        VerificationError: the file is longer than `size`.
    """
    if not address:
        raise UsageError(
            f"{source} cannot be fetched: nobody said where repositories are served",
            hint=f"set {ADDRESS} to the address of the server, up to before the repository's owner",
        )
    try:
        download(address, source.path, into=into, size=size)
    except DownloadError as problem:
        hint = problem.hint or _HINTS.get(problem.status or 0, _RUN_AGAIN)
        raise DownloadError(f"{source}: {problem}", status=problem.status, hint=hint) from problem
    except VerificationError as problem:
        raise VerificationError(f"{source}: {problem}", hint=_COMPARE) from problem
