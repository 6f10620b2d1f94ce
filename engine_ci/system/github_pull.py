"""GitHub: what is said of one pull request, and by whom. Every list is read whole, or not at all.

What the token may not see is an error that names the permission it lacks, and never an empty list.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from engine_ci.errors import GitHubError
from engine_ci.system.github_rules import Branch, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from engine_ci.system.github_rules import RequiredCheck
    from engine_ci.system.rest import Page, RestReader

T = TypeVar("T")

# A pull request with more of anything than this is no bump, and nobody could review it.
_PAGES: Final = 30
_PAGE: Final = 100
_NOT_SHOWN: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_MAY_WRITE: Final = frozenset({"write", "maintain", "admin"})


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Account(_Answer):
    """Who did something.

    Attributes:
        type: `User` for a person, `Bot` for an app.
    """

    login: str
    type: str

    @property
    def person(self) -> bool:
        """Whether it is no app, as far as GitHub knows."""
        return self.type == "User"


class Tip(_Answer):
    """A branch and the commit at its end."""

    ref: str
    sha: str


class Automatic(_Answer):
    """That a pull request is merged once its checks pass, and who asked for that."""

    enabled_by: Account | None


class PullRequest(_Answer):
    """A pull request.

    Attributes:
        user: its author; None where the account is gone.
        base: what it is to be merged into.
        changed_files: how many there are, however many can be listed.
        automatic: None where somebody has to merge it.
    """

    number: int
    user: Account | None
    head: Tip
    base: Tip
    changed_files: Annotated[int, Field(ge=0)]
    automatic: Automatic | None = Field(alias="auto_merge")


class ChangedFile(_Answer):
    """A file, under its old name too where it got another one."""

    filename: str
    previous_filename: str | None = None


class Review(_Answer):
    """What somebody said of a pull request.

    Attributes:
        state: `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED` or `PENDING`.
        commit_id: what the pull request's head was then.
    """

    id: int
    user: Account | None
    state: str
    commit_id: str | None


class App(_Answer):
    """A GitHub App; that of workflows is `github-actions`."""

    slug: str | None = None


class CheckRun(_Answer):
    """A run of a check on a commit; newer ones have higher numbers."""

    id: int
    name: str
    status: str
    conclusion: str | None
    app: App | None


class Label(_Answer):
    """A label's name."""

    name: str


class Event(_Answer):
    """What happened to a pull request: of labels, `labeled` and `unlabeled`."""

    event: str
    actor: Account | None
    created_at: AwareDatetime
    label: Label | None = None


class _CheckRuns(_Answer):
    check_runs: tuple[CheckRun, ...]


class _Permission(_Answer):
    permission: str


class _Move(_Answer):
    after: str
    timestamp: AwareDatetime


_PULL: Final = TypeAdapter(PullRequest)
_FILES: Final = TypeAdapter(tuple[ChangedFile, ...])
_REVIEWS: Final = TypeAdapter(tuple[Review, ...])
_CHECK_RUNS: Final = TypeAdapter(_CheckRuns)
_EVENTS: Final = TypeAdapter(tuple[Event, ...])
_PERMISSION: Final = TypeAdapter(_Permission)
_MOVES: Final = TypeAdapter(tuple[_Move, ...])
_RULES: Final = TypeAdapter(tuple[Rule, ...])
_BRANCH: Final = TypeAdapter(Branch)


class PullRequestReader:
    """One repository's pull requests, only looked at. Everything raises GitHubError.

    Args:
        api: with the token of the workflow.
        repository: `owner/name`.
    """

    def __init__(self, api: RestReader, *, repository: str) -> None:
        self._api = api
        self._root = f"repos/{quote(repository)}"

    def pull_request(self, number: int) -> PullRequest:
        """One pull request as it is now."""
        with _needing("pull-requests: read"):
            return self._api.page(f"{self._root}/pulls/{number}", _PULL).content

    def paths(self, pull: PullRequest) -> frozenset[str] | None:
        """The files that it changes, of a renamed one both names; None where not all are shown."""
        with _needing("pull-requests: read"):
            pages = self._pages(f"{self._root}/pulls/{pull.number}/files", _FILES)
            files = [file for page in pages for file in page]
        if len(files) < pull.changed_files:
            return None
        both = ((file.filename, file.previous_filename) for file in files)
        return frozenset(name for names in both for name in names if name is not None)

    def reviews(self, number: int) -> tuple[Review, ...]:
        """Every review, oldest first."""
        with _needing("pull-requests: read"):
            pages = self._pages(f"{self._root}/pulls/{number}/reviews", _REVIEWS)
            return tuple(review for page in pages for review in page)

    def check_runs(self, sha: str, *, name: str) -> tuple[CheckRun, ...]:
        """Every run of the checks of that name on a commit."""
        with _needing("checks: read"):
            address = f"{self._root}/commits/{sha}/check-runs"
            pages = self._pages(
                address, _CHECK_RUNS, f"check_name={quote(name, safe='')}&filter=all"
            )
            return tuple(run for page in pages for run in page.check_runs)

    def events(self, number: int) -> tuple[Event, ...]:
        """Everything that happened to it, oldest first."""
        with _needing("issues: read"):
            pages = self._pages(f"{self._root}/issues/{number}/events", _EVENTS)
            return tuple(event for page in pages for event in page)

    def may_write(self, login: str) -> bool:
        """Whether somebody may push to the repository, and so approve."""
        with _needing("metadata: read"):
            address = f"{self._root}/collaborators/{quote(login, safe='')}/permission"
            return self._api.page(address, _PERMISSION).content.permission in _MAY_WRITE

    def pushed(self, tip: Tip) -> datetime | None:
        """When the branch came to its commit the last time, by GitHub's clock; None if unknown.

        A commit's own date says what its author wanted it to say.
        """
        with _needing("contents: read"):
            ref = quote(f"refs/heads/{tip.ref}", safe="")
            address = f"{self._root}/activity?ref={ref}&per_page={_PAGE}"
            moves = self._api.page(address, _MOVES).content
        return next((move.timestamp for move in moves if move.after == tip.sha), None)

    def required_checks(self, branch: str) -> frozenset[RequiredCheck] | None:
        """The checks that a branch requires, by rulesets and by classic protection.

        Returns:
            those that are shown; None where not all of them are.
        """
        name = quote(branch, safe="")
        with _needing("contents: read"):
            try:
                rules = self._pages(f"{self._root}/rules/branches/{name}", _RULES)
                ruled = {check for page in rules for rule in page for check in rule.required}
                classic = self._api.page(f"{self._root}/branches/{name}", _BRANCH).content
            except GitHubError as problem:
                if problem.status in _NOT_SHOWN:
                    return None
                raise
        return classic.required | ruled

    def _pages(self, address: str, shape: TypeAdapter[T], query: str = "") -> Iterator[T]:
        onward = f"{address}?per_page={_PAGE}" + (f"&{query}" if query else "")
        for _ in range(_PAGES):
            page: Page[T] = self._api.page(onward, shape)
            yield page.content
            if page.next is None:
                return
            onward = page.next
        raise GitHubError(f"{address}: more than {_PAGES * _PAGE} entries, which is not read")


@contextmanager
def _needing(permission: str) -> Iterator[None]:
    try:
        yield
    except GitHubError as problem:
        lacking = f"in the workflow, the job needs `permissions: {{{permission}}}`"
        raise GitHubError(problem.message, hint=problem.hint or lacking) from problem
