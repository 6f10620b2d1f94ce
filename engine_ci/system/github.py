"""GitHub: one repository's pull requests. Nothing here, or elsewhere, merges one.

A request may be sent again after a failure, a POST too, so whoever creates looks first, and a
refusal because it is there already counts as done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from github import GithubException

from engine_ci.system.github_connection import MISSING, Connection, as_written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from github.PullRequest import PullRequest as Answer

_UNPROCESSABLE = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequest:
    """A pull request as GitHub has it.

    Attributes:
        number: counts from 1 in its repository.
        url: the page for people.
        body: with the line ends that we write.
        open: neither closed nor merged.
        merged: by a person, for no program of ours does.
        created, closed: when it was; None while it is open.
    """

    number: int
    url: str
    title: str
    body: str
    open: bool
    merged: bool
    draft: bool
    labels: tuple[str, ...]
    created: datetime
    closed: datetime | None = None


class Hub(Connection):
    """The pull requests of one repository."""

    needs = (
        "the token needs to write contents and pull requests: in a workflow `permissions: "
        "{contents: write, pull-requests: write}`, and in the repository's Settings, Actions, "
        'General switch on "Allow GitHub Actions to create and approve pull requests"; an app or a '
        "fine-grained token needs the permission Pull requests: Read and write"
    )

    def pull_requests(self, branch: str) -> tuple[PullRequest, ...]:
        """Every pull request, open or closed, that ever came from `branch`, newest first.

        Raises:
            GitHubError: GitHub refused or did not answer.
        """
        owner = self.repository.partition("/")[0]
        with self._asking(f"listing pull requests from {branch}"):
            answers = self._repository.get_pulls(state="all", head=f"{owner}:{branch}")
            found = [_read(answer) for answer in answers]
        return tuple(sorted(found, key=lambda pull: pull.number, reverse=True))

    def pull_request(self, number: int) -> PullRequest:
        """One pull request, as it is now; GitHubError when that fails."""
        with self._asking(f"reading pull request #{number}"):
            return _read(self._repository.get_pull(number))

    def create(self, *, branch: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        """Opens a pull request, or returns the open one that is there after all.

        Raises:
            GitHubError: GitHub refused or did not answer.
        """
        with self._asking(f"opening a pull request from {branch}"):
            try:
                return _read(
                    self._repository.create_pull(base, branch, title=title, body=body, draft=draft)
                )
            except GithubException as error:
                if error.status != _UNPROCESSABLE:
                    raise
                opened = [pull for pull in self.pull_requests(branch) if pull.open]
                if not opened:
                    raise
                return opened[0]

    def edit(self, number: int, *, title: str, body: str) -> None:
        """Replaces title and body; GitHubError when that fails."""
        with self._asking(f"editing pull request #{number}"):
            self._repository.get_pull(number).edit(title=title, body=body)

    def add_labels(self, number: int, labels: Sequence[str]) -> None:
        """Adds labels, which GitHub makes where they are new; GitHubError when that fails."""
        with self._asking(f"labelling pull request #{number}"):
            self._repository.get_pull(number).add_to_labels(*labels)

    def remove_label(self, number: int, label: str) -> None:
        """Takes a label off, which counts as done where it is not there; GitHubError else."""
        with self._asking(f"taking the label {label} off pull request #{number}"):
            pull = self._repository.get_pull(number)
            try:
                pull.remove_from_labels(label)
            except GithubException as error:
                if error.status != MISSING:
                    raise

    def request_reviewers(self, number: int, reviewers: Sequence[str]) -> None:
        """Asks people for a review; GitHubError when that fails, as for who may not review."""
        with self._asking(f"asking for a review of pull request #{number}"):
            self._repository.get_pull(number).create_review_request(reviewers=list(reviewers))


def _read(answer: Answer) -> PullRequest:
    return PullRequest(
        number=answer.number,
        url=answer.html_url,
        title=answer.title,
        body=as_written(answer.body),
        open=answer.state == "open",
        merged=answer.merged_at is not None,
        draft=answer.draft,
        labels=tuple(label.name for label in answer.labels),
        created=answer.created_at,
        closed=answer.closed_at,
    )
