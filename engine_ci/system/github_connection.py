"""The only door to GitHub: a connection to one repository, which keeps its token to itself."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict

import requests
from github import (
    Auth,
    Github,
    GithubException,
    GithubRetry,
    RateLimitExceededException,
)

from engine_ci.errors import NO_ANSWER, NOT_LOGGED_IN, GitHubError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# GitHub asks for a second between requests that change something.
WRITE_PAUSE_S = 1.0
# Longer than this, a rate limit is better met by the next scheduled run.
_LONGEST_WAIT_S = 120.0
_RETRIES = 3
FORBIDDEN, MISSING = 403, 404
_UNAUTHORISED, _TOO_MANY = 401, 429
_HINTS = {
    _UNAUTHORISED: NOT_LOGGED_IN,
    MISSING: "check owner/name and the number, and that the token may see the repository",
}


_STRANGE = "something on the way to GitHub may have answered in its place; the next run asks again"
# What the library, or reading what it gives, ends with where the answer is a page for people, half
# of one, of another shape, or leads to another server: it does not look at it before.
_MISUNDERSTOOD = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Access(TypedDict):
    """Which repository of which server, and with which token."""

    api_url: str
    repository: str
    token: str


class _Retry(GithubRetry):
    """Waits as long as GitHub asks for, and not at all where that is too long."""

    def parse_retry_after(self, retry_after: str) -> float:
        seconds = super().parse_retry_after(retry_after)
        if seconds > _LONGEST_WAIT_S:
            message = f"a rate limit, and to try again in {seconds:.0f} s"
            raise RateLimitExceededException(FORBIDDEN, {"message": message})
        return seconds


class Connection:
    """One repository on a GitHub server.

    Attributes:
        needs: what a token that is refused with 403 lacks, for people.
    """

    needs = ""

    def __init__(
        self,
        *,
        api_url: str,
        repository: str,
        token: str,
        write_pause_s: float = WRITE_PAUSE_S,
        repeated: Collection[str] = ("GET", "PATCH", "POST"),
    ) -> None:
        """Opens nothing yet.

        Args:
            api_url: without a trailing slash.
            repository: `owner/name`.
            token: kept out of every message.
            write_pause_s: seconds between two requests that change something.
            repeated: methods of HTTP that are tried again after a failure.
        """
        self.repository = repository
        self._access: Access = {"api_url": api_url, "repository": repository, "token": token}
        # What it logs of a failure, our own error says, with what to do about it.
        logging.getLogger("github").setLevel(logging.CRITICAL)
        self._client = Github(
            base_url=api_url,
            auth=Auth.Token(token),
            retry=_Retry(
                # The last answer says more than that there were too many.
                raise_on_status=False,
                total=_RETRIES,
                backoff_factor=0.5,
                max_rate_limit_wait=_LONGEST_WAIT_S,
                allowed_methods=frozenset(repeated),
            ),
            seconds_between_requests=None,
            seconds_between_writes=write_pause_s,
            # Nothing is asked about the repository before something is asked of it.
            lazy=True,
        )
        self._repository = self._client.get_repo(repository)

    @property
    def access(self) -> Access:
        """With which another connection to the same repository is opened."""
        return self._access

    def close(self) -> None:
        """Closes what is open."""
        self._client.close()

    def _shown(self, path: str) -> Any:  # noqa: ANN401 - JSON, of which only parts are read
        """What GitHub has below the repository; None where it shows nothing to this token."""
        try:
            address = f"{self._repository.url}{path}"
            return self._client.requester.requestJsonAndCheck("GET", address)[1]
        except GithubException as error:
            if error.status in (FORBIDDEN, MISSING):
                return None
            raise

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        where = f"{self.repository}: {what}"
        try:
            yield
        except GithubException as error:
            message = f"{where}: GitHub answered {error.status}: {_said(error)}"
            raise GitHubError(message, status=error.status, hint=self._hint(error)) from error
        except requests.RequestException as error:
            message = f"{where}: no answer from GitHub: {type(error).__name__}"
            raise GitHubError(message, hint=NO_ANSWER) from error
        except _MISUNDERSTOOD as error:
            message = f"{where}: the answer is not what was asked for: {type(error).__name__}"
            raise GitHubError(message, hint=_STRANGE) from error

    def _hint(self, error: GithubException) -> str | None:
        if isinstance(error, RateLimitExceededException) or error.status == _TOO_MANY:
            return "GitHub takes no more requests for now; the next run goes on"
        return self.needs if error.status == FORBIDDEN else _HINTS.get(error.status)


def as_written(text: str | None) -> str:
    """A text of GitHub's with the line ends that we write."""
    return (text or "").replace("\r\n", "\n")


def _said(error: GithubException) -> str:
    """GitHub's own words: the message, and what it says about each part of the request."""
    data = error.data if isinstance(error.data, dict) else {}
    details = data.get("errors") or ()
    more = [str(each.get("message") or each) for each in details if isinstance(each, dict)]
    return ": ".join([str(data.get("message") or "nothing readable"), *more])
