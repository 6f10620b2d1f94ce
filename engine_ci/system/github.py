"""The only door to GitHub: one repository's pull requests. Nothing here, or elsewhere, merges one.

A request may be sent again after a failure, a POST too, so whoever creates looks first, and a
refusal because it is there already counts as done.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from github import Auth, Github, GithubException, GithubRetry

from engine_ci.errors import GitHubError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from github.PullRequest import PullRequest as Answer

# GitHub asks for a second between requests that change something.
WRITE_PAUSE_S = 1.0
# Longer than this, a rate limit is better met by the next scheduled run.
_LONGEST_WAIT_S = 120.0
_RETRIES = 3
_UNAUTHORISED, _FORBIDDEN, _MISSING, _UNPROCESSABLE = 401, 403, 404, 422
_HINTS = {
    _UNAUTHORISED: "check the token: it is wrong, expired, or of another server",
    _FORBIDDEN: (
        "the token needs to write contents and pull requests; for the token of a workflow, switch "
        'on "Allow GitHub Actions to create and approve pull requests" in the settings'
    ),
    _MISSING: "check owner/name, and that the token may see the repository",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequest:
    """A pull request as GitHub has it.

    Attributes:
        number: counts from 1 in its repository.
        url: the page for people.
        body: with the line ends that we write.
        open: neither closed nor merged.
        merged: by a person, for no program of ours does.
        created: when, with its time zone.
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


class Hub:
    """One repository on a GitHub server."""

    def __init__(
        self, *, api_url: str, repository: str, token: str, write_pause_s: float = WRITE_PAUSE_S
    ) -> None:
        """Opens nothing yet.

        Args:
            api_url: without a trailing slash.
            repository: `owner/name`.
            token: kept out of every message.
            write_pause_s: seconds between two requests that change something.
        """
        self.repository = repository
        self._client = Github(
            base_url=api_url,
            auth=Auth.Token(token),
            retry=GithubRetry(
                total=_RETRIES, backoff_factor=0.5, max_rate_limit_wait=_LONGEST_WAIT_S
            ),
            seconds_between_requests=None,
            seconds_between_writes=write_pause_s,
            # Nothing is asked about the repository before something is asked of it.
            lazy=True,
        )
        self._repository = self._client.get_repo(repository)

    def close(self) -> None:
        """Closes what is open."""
        self._client.close()

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

    def request_reviewers(self, number: int, reviewers: Sequence[str]) -> None:
        """Asks people for a review; GitHubError when that fails, as for who may not review."""
        with self._asking(f"asking for a review of pull request #{number}"):
            self._repository.get_pull(number).create_review_request(reviewers=list(reviewers))

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        where = f"{self.repository}: {what}"
        try:
            yield
        except GithubException as error:
            message = f"{where}: GitHub answered {error.status}: {_said(error)}"
            raise GitHubError(message, hint=_HINTS.get(error.status)) from error
        except requests.RequestException as error:
            message = f"{where}: no answer from GitHub: {type(error).__name__}"
            raise GitHubError(message, hint="check the network and the address") from error


def _read(answer: Answer) -> PullRequest:
    return PullRequest(
        number=answer.number,
        url=answer.html_url,
        title=answer.title,
        body=(answer.body or "").replace("\r\n", "\n"),
        open=answer.state == "open",
        merged=answer.merged_at is not None,
        draft=answer.draft,
        labels=tuple(label.name for label in answer.labels),
        created=answer.created_at,
    )


def _said(error: GithubException) -> str:
    """GitHub's own words: the message, and what it says about each part of the request."""
    data = error.data if isinstance(error.data, dict) else {}
    details = data.get("errors") or ()
    more = [str(each.get("message") or each) for each in details if isinstance(each, dict)]
    return ": ".join([str(data.get("message") or "nothing readable"), *more])
