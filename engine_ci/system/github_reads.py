"""GitHub: what is only read of one repository: its settings, its protection, when a file changed.

What a token may not see is None, and never "no".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from github import GithubException

from engine_ci.system.github_connection import FORBIDDEN, MISSING, Connection

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable
    from datetime import datetime

# A pin file is edited for holds too, but not so often that more commits need to be looked at.
_MOST_COMMITS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What a branch asks of a pull request before it may be merged.

    Attributes:
        checks: names of those that must pass.
        approvals: how many people must approve.
    """

    checks: frozenset[str] = frozenset()
    approvals: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection:
    """How a branch is protected.

    Attributes:
        rules: by rulesets, those of the organisation included; None where they cannot be read.
        classic: by the protection of branches; None where its whole cannot be read.
        checks: those of the classic protection, which everybody may read.
    """

    rules: Guard | None
    classic: Guard | None
    checks: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the repository says of itself.

    Attributes:
        branch: the default one.
        may_write: whether the token may write contents.
        scopes: of a classic personal token; other kinds of tokens have none.
        automatic: whether somebody may have a pull request merged once its checks pass.
    """

    branch: str
    may_write: bool | None
    scopes: tuple[str, ...] | None
    automatic: bool | None


class Reader(Connection):
    """One repository, to be looked at."""

    needs = "the token needs to read contents and metadata"

    def changed(self, path: str, *, line: re.Pattern[str]) -> datetime | None:
        """When a line of a file was last changed on the default branch.

        Args:
            path: from the repository's root.
            line: found at the start of such a line.

        Returns:
            the time of the commit; of the oldest that was looked at where none of the last ten of
            the file did it; None where there is no such file.

        Raises:
            GitHubError: GitHub refused or did not answer.
        """
        at = None
        with self._asking(f"reading the history of {path}"):
            for commit in islice(self._repository.get_commits(path=path), _MOST_COMMITS):
                at = commit.commit.committer.date
                patches = (file.patch for file in commit.files if file.filename == path)
                if any(_touches(patch or "", line) for patch in patches):
                    break
        return at

    def settings(self) -> Settings:
        """Reads the repository's settings; GitHubError when that fails."""
        with self._asking("reading the settings"):
            data = self._repository.raw_data
            scopes = self._client.oauth_scopes
            return Settings(
                branch=data["default_branch"],
                may_write=data.get("permissions", {}).get("push"),
                scopes=None if scopes is None else tuple(filter(None, scopes)),
                automatic=data.get("allow_auto_merge"),
            )

    def protection(self, branch: str) -> Protection:
        """Reads how a branch is protected; GitHubError when that fails."""
        with self._asking(f"reading how {branch} is protected"):
            found = self._repository.get_branch(branch).raw_data
            listed = found["protection"].get("required_status_checks", {}).get("contexts", ())
            name = quote(branch, safe="")
            rules = self._visible(f"/rules/branches/{name}")
            classic = self._visible(f"/branches/{name}/protection") if found["protected"] else {}
            return Protection(
                rules=None if rules is None else _ruled(rules),
                classic=None if classic is None else _classic(classic),
                checks=frozenset(listed),
            )

    def _visible(self, path: str) -> Any:  # noqa: ANN401 - JSON, of which only parts are read
        """What GitHub shows there; None where it shows nothing to this token."""
        try:
            address = f"{self._repository.url}{path}"
            return self._client.requester.requestJsonAndCheck("GET", address)[1]
        except GithubException as error:
            if error.status in (FORBIDDEN, MISSING):
                return None
            raise


def _touches(patch: str, line: re.Pattern[str]) -> bool:
    return any(text[:1] in ("+", "-") and line.match(text[1:]) for text in patch.splitlines())


def _ruled(rules: Iterable[dict[str, Any]]) -> Guard:
    checks: set[str] = set()
    approvals = 0
    for rule in rules:
        asked = rule.get("parameters", {})
        checks |= {check["context"] for check in asked.get("required_status_checks", ())}
        approvals = max(approvals, asked.get("required_approving_review_count", 0))
    return Guard(checks=frozenset(checks), approvals=approvals)


def _classic(data: dict[str, Any]) -> Guard:
    checks = data.get("required_status_checks", {}).get("contexts", ())
    reviews = data.get("required_pull_request_reviews", {})
    approvals = reviews.get("required_approving_review_count", 0)
    return Guard(checks=frozenset(checks), approvals=approvals)
