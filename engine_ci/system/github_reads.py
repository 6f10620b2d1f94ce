"""GitHub: what is only read of one repository: its settings, its protection, when a file changed.

What a token may not see is None, and never "no".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote

from engine_ci.system.github_connection import Connection
from engine_ci.system.github_rules import Branch, Rule, Statuses

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable
    from datetime import datetime

    from engine_ci.system.github_rules import RequiredCheck

# A pin file is edited for holds too, but not so often that more commits need to be looked at.
_MOST_COMMITS = 10
_FINE_GRAINED: Final = "github_pat_"
Personal: TypeAlias = Literal["classic", "fine-grained"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What a branch asks of a pull request before it may be merged.

    Attributes:
        checks: those that must pass.
        approvals: how many people must approve.
        dismisses_stale: whether a push takes approvals away.
        code_owners: whether the owners of the files must approve.
        bypass: who need not keep to it; None where that is not shown.
    """

    checks: frozenset[RequiredCheck] = frozenset()
    approvals: int = 0
    dismisses_stale: bool = False
    code_owners: bool = False
    bypass: frozenset[str] | None = frozenset()


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
    checks: frozenset[RequiredCheck]

    @property
    def known(self) -> tuple[Guard, ...]:
        """What can be read of the two."""
        return tuple(guard for guard in (self.rules, self.classic) if guard is not None)

    @property
    def whole(self) -> bool:
        """Whether both can."""
        return None not in (self.rules, self.classic)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the repository says of itself.

    Attributes:
        branch: the default one.
        may_write: whether the token may write contents.
        personal: which kind of personal token it is; None where it is no such one.
        automatic: whether somebody may have a pull request merged once its checks pass.
    """

    branch: str
    may_write: bool | None
    personal: Personal | None
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
            return Settings(
                branch=data["default_branch"],
                may_write=data.get("permissions", {}).get("push"),
                personal=self._personal(),
                automatic=data.get("allow_auto_merge"),
            )

    def _personal(self) -> Personal | None:
        """A classic token has scopes, also none; a fine-grained one is told by how it begins."""
        if self._client.oauth_scopes is not None:
            return "classic"
        return "fine-grained" if self.access["token"].startswith(_FINE_GRAINED) else None

    def protection(self, branch: str) -> Protection:
        """Reads how a branch is protected; GitHubError when that fails."""
        with self._asking(f"reading how {branch} is protected"):
            found = self._repository.get_branch(branch).raw_data
            name = quote(branch, safe="")
            rules = self._shown(f"/rules/branches/{name}?per_page=100")
            bypass = self._bypass(rules or ())
            classic = self._shown(f"/branches/{name}/protection") if found["protected"] else {}
            return Protection(
                rules=None if rules is None else _ruled(rules, bypass=bypass),
                classic=None if classic is None else _classic(classic),
                checks=Branch.model_validate(found).required,
            )

    def _bypass(self, rules: Iterable[dict[str, Any]]) -> frozenset[str] | None:
        """Who need not keep to the rules; None where one of the rulesets does not say."""
        found: set[str] = set()
        for number in sorted({rule["ruleset_id"] for rule in rules}):
            actors = (self._shown(f"/rulesets/{number}") or {}).get("bypass_actors")
            if actors is None:
                return None
            found |= {_actor(actor) for actor in actors}
        return frozenset(found)


def _touches(patch: str, line: re.Pattern[str]) -> bool:
    return any(text[:1] in ("+", "-") and line.match(text[1:]) for text in patch.splitlines())


def _ruled(rules: Iterable[dict[str, Any]], *, bypass: frozenset[str] | None) -> Guard:
    checks: set[RequiredCheck] = set()
    approvals, stale, owners = 0, False, False
    for rule in rules:
        asked = rule.get("parameters") or {}
        checks |= Rule.model_validate(rule).required
        approvals = max(approvals, asked.get("required_approving_review_count", 0))
        stale |= asked.get("dismiss_stale_reviews_on_push", False)
        owners |= asked.get("require_code_owner_review", False)
    return Guard(
        checks=frozenset(checks),
        approvals=approvals,
        dismisses_stale=stale,
        code_owners=owners,
        bypass=bypass,
    )


def _classic(data: dict[str, Any]) -> Guard:
    reviews = data.get("required_pull_request_reviews") or {}
    allowed = reviews.get("bypass_pull_request_allowances") or {}
    free = data and not (data.get("enforce_admins") or {}).get("enabled")
    bypass = {
        f"{kind} {who.get('slug') or who.get('login')}"
        for kind in ("users", "teams", "apps")
        for who in allowed.get(kind, ())
    } | ({"administrators"} if free else set())
    return Guard(
        checks=Statuses.model_validate(data.get("required_status_checks") or {}).required,
        approvals=reviews.get("required_approving_review_count", 0),
        dismisses_stale=reviews.get("dismiss_stale_reviews", False),
        code_owners=reviews.get("require_code_owner_reviews", False),
        bypass=frozenset(bypass),
    )


def _actor(actor: dict[str, Any]) -> str:
    number = actor.get("actor_id")
    return actor["actor_type"] if number is None else f"{actor['actor_type']} {number}"
