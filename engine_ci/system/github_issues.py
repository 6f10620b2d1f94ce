"""GitHub: the issues of one repository that carry our label, and what is said on them.

GitHub takes two equal issues for two. So nothing that writes is sent again by itself: whoever
creates looks first, and looks again when an answer got lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from github import GithubException

from engine_ci.system.github_connection import WRITE_PAUSE_S, Connection, as_written

if TYPE_CHECKING:
    from datetime import datetime

    from github.Issue import Issue as Answer

# GitHub lets only who may write put it on an issue, so that no stranger's issue is taken for ours.
LABEL = "engine-ci"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """An issue as GitHub has it.

    Attributes:
        number: counts from 1 in its repository.
        url: the page for people.
        body: with the line ends that we write.
        closed: when it was; None while it is open.
    """

    number: int
    url: str
    title: str
    body: str
    closed: datetime | None


class Issues(Connection):
    """The issues of one repository that carry `LABEL`."""

    needs = "the token needs to write issues; in a workflow: `permissions: {issues: write}`"

    def __init__(
        self, *, api_url: str, repository: str, token: str, write_pause_s: float = WRITE_PAUSE_S
    ) -> None:
        """As every connection, but only what reads is tried again after a failure."""
        super().__init__(
            api_url=api_url,
            repository=repository,
            token=token,
            write_pause_s=write_pause_s,
            repeated=("GET",),
        )

    def all(self) -> tuple[Issue, ...]:
        """Every one, open or closed, newest first; pull requests are left out.

        Listed and not searched for: the index of the search comes later than the issue.

        Raises:
            GitHubError: GitHub refused or did not answer.
        """
        with self._asking("listing issues"):
            answers = self._repository.get_issues(state="all", labels=[LABEL])
            return tuple(_read(answer) for answer in answers if "/pull/" not in answer.html_url)

    def create(self, *, title: str, body: str) -> Issue:
        """Opens an issue, or returns the one that was opened although the answer got lost.

        Raises:
            GitHubError: GitHub refused, or did not answer and has no such issue.
        """
        with self._asking("opening an issue"):
            try:
                return _read(self._repository.create_issue(title, body=body, labels=[LABEL]))
            except (GithubException, requests.RequestException):
                made = [each for each in self.all() if each.closed is None and each.body == body]
                if not made:
                    raise
                return made[0]

    def edit(self, number: int, *, title: str, body: str) -> None:
        """Replaces title and body, and opens it where it is closed; GitHubError when it fails."""
        with self._asking(f"editing issue #{number}"):
            self._repository.get_issue(number).edit(title=title, body=body, state="open")

    def end(self, number: int) -> None:
        """Closes it; GitHubError when that fails."""
        with self._asking(f"closing issue #{number}"):
            self._repository.get_issue(number).edit(state="closed")

    def comment(self, number: int, text: str) -> None:
        """Adds a comment, unless it is the last one already; GitHubError when that fails."""
        with self._asking(f"commenting on issue #{number}"):
            issue = self._repository.get_issue(number)
            said = [as_written(comment.body) for comment in issue.get_comments()]
            if said[-1:] != [text]:
                issue.create_comment(text)


def _read(answer: Answer) -> Issue:
    return Issue(
        # Nothing at all where the answer is no issue, whatever the library promises.
        number=int(answer.number),
        url=answer.html_url,
        title=answer.title,
        body=as_written(answer.body),
        closed=answer.closed_at,
    )
