"""Brings one branch and one pull request of the app's repository to what a plan says.

Run twice, it changes nothing the second time. It stops before the work of a person: a commit that
is not ours on the branch, a pin that changed on the base, a pull request that somebody closed. It
opens and refreshes; merging is a person's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engine_ci.bump import body
from engine_ci.errors import ForeignCommitError, GitHubError, OutsideError

if TYPE_CHECKING:
    from datetime import datetime

    from engine_ci.bump.plan import Plan
    from engine_ci.config import PullRequestPolicy
    from engine_ci.system.git import Commit, Remote, Repository
    from engine_ci.system.github import Hub, PullRequest

# The commit names its own tree: amended or rebased by a person, it no longer does.
TREE = "Engine-CI-Tree"
# On a pull request that the gate did not let pass, and on no other.
BLOCKED = "engine-blocked"


class Outcome(StrEnum):
    """What became of the pull request."""

    OPENED = "opened"
    REFRESHED = "refreshed"
    UNCHANGED = "unchanged"
    DECLINED = "declined"
    PRESENT = "present"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """The result.

    Attributes:
        pull_request: None when the base has the new pin already.
        notes: what a person should know or do, one sentence each.
    """

    outcome: Outcome
    pull_request: PullRequest | None
    notes: tuple[str, ...] = ()


def open_or_refresh(
    plan: Plan,
    *,
    repository: Repository,
    remote: Remote,
    hub: Hub,
    base: str,
    policy: PullRequestPolicy,
    at: datetime,
) -> Proposal:
    """Opens the pull request, or brings the open one up to date.

    Args:
        plan: what to propose.
        repository: a clone; its working tree and branches stay as they are.
        remote: where the branch goes.
        hub: the same repository on GitHub.
        base: the branch that the pull request is for.
        policy: labels and reviewers.
        at: the time of the commit.

    Raises:
        ForeignCommitError: somebody else's work is in the way; nothing was changed.
        OutsideError: git or GitHub failed.
    """
    tips = repository.tips(remote, [base, plan.branch])
    if base not in tips:
        raise OutsideError(f"{remote.name}: there is no branch {base}")
    repository.fetch(remote, tips)
    found = {path: repository.read(path, at=tips[base]) for path in plan.before}
    if found == plan.after:
        return Proposal(outcome=Outcome.PRESENT, pull_request=None)
    for path, text in plan.before.items():
        if found[path] != text:
            message = f"{path} on {base} is not what this run started from"
            raise ForeignCommitError(message, hint=f"update the clone to {base} and run again")

    pulls = hub.pull_requests(plan.branch)
    current = next((pull for pull in pulls if pull.open), None)
    declined = None if current or plan.insists else _declined(plan, pulls)
    if declined:
        note = f"#{declined.number} for {plan.version} was closed by a person, so it stays closed"
        return Proposal(outcome=Outcome.DECLINED, pull_request=declined, notes=(note,))
    if current and body.proposed(current.body, pin=plan.pin) is None:
        message = f"#{current.number} is open from {plan.branch}, and its text is not ours"
        raise ForeignCommitError(message, hint="close it, or set `pull_request.branch` to another")

    moved = _push(plan, repository=repository, remote=remote, tips=tips, base=base, at=at)
    if current is None:
        return _open(plan, hub=hub, base=base, policy=policy)
    return _refresh(plan, current, hub=hub, policy=policy, moved=moved)


def _push(
    plan: Plan,
    *,
    repository: Repository,
    remote: Remote,
    tips: dict[str, str],
    base: str,
    at: datetime,
) -> bool:
    """Puts our one commit on top of the base; False when it is there already."""
    parent, tip = tips[base], tips.get(plan.branch)
    commits = repository.commits(base=parent, tip=tip) if tip else ()
    _stop_at_foreign(commits, branch=plan.branch)
    tree = repository.write_tree(plan.after, base=parent)
    if [(commit.tree, commit.parents) for commit in commits] == [(tree, (parent,))]:
        return False
    identity = repository.identity()
    message = f"{plan.message}\n\n{TREE}: {tree}\nSigned-off-by: {identity}\n"
    commit = repository.commit_tree(tree, parent=parent, message=message, identity=identity, at=at)
    repository.push(remote, commit, branch=plan.branch, expected=tip)
    return True


def _stop_at_foreign(commits: tuple[Commit, ...], *, branch: str) -> None:
    for commit in commits:
        if commit.trailer(TREE) != commit.tree or commit.author != commit.committer:
            raise ForeignCommitError(
                f"{branch}: commit {commit.id[:12]} by {commit.committer} is not ours: "
                f"{commit.subject}",
                hint="nothing was changed: move that work to another branch, or delete this one",
            )


def _declined(plan: Plan, pulls: tuple[PullRequest, ...]) -> PullRequest | None:
    for pull in pulls:
        if not pull.merged and body.proposed(pull.body, pin=plan.pin) == plan.version:
            return pull
    return None


def _open(plan: Plan, *, hub: Hub, base: str, policy: PullRequestPolicy) -> Proposal:
    opened = hub.create(
        branch=plan.branch, base=base, title=plan.title, body=plan.body, draft=plan.draft
    )
    notes = []
    labels = _labels(plan, policy=policy)
    if labels:
        hub.add_labels(opened.number, labels)
    if policy.reviewers:
        # The pull request stands; a name that may not review is no reason to call it failed.
        try:
            hub.request_reviewers(opened.number, policy.reviewers)
        except GitHubError as error:
            notes.append(f"nobody was asked for a review: {error.message}")
    return Proposal(outcome=Outcome.OPENED, pull_request=opened, notes=tuple(notes))


def _refresh(
    plan: Plan, current: PullRequest, *, hub: Hub, policy: PullRequestPolicy, moved: bool
) -> Proposal:
    note = _state_note(plan, current)
    text = f"> [!NOTE]\n> {note}\n\n{plan.body}" if note else plan.body
    edited = (current.title, current.body.strip()) != (plan.title, text.strip())
    if edited:
        hub.edit(current.number, title=plan.title, body=text)
    labels = _labels(plan, policy=policy)
    missing = [label for label in labels if label not in current.labels]
    if missing:
        hub.add_labels(current.number, missing)
    freed = BLOCKED in current.labels and BLOCKED not in labels
    if freed:
        hub.remove_label(current.number, BLOCKED)
    changed = moved or edited or missing or freed
    return Proposal(
        outcome=Outcome.REFRESHED if changed else Outcome.UNCHANGED,
        pull_request=replace(current, title=plan.title, body=text),
        notes=(note,) if note else (),
    )


def _labels(plan: Plan, *, policy: PullRequestPolicy) -> tuple[str, ...]:
    """What the pull request has to be labelled with."""
    return (*policy.labels, *([BLOCKED] if plan.draft else []))


def _state_note(plan: Plan, current: PullRequest) -> str:
    """What a person has to press: GitHub's REST interface cannot make or unmake a draft."""
    if plan.draft and not current.draft:
        return "This ought to be a draft now: press “Convert to draft”, and do not merge it."
    if current.draft and not plan.draft:
        return "The gate passes now, so this need not be a draft: press “Ready for review”."
    return ""
