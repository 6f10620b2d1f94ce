"""Brings one branch and one pull request of the app's repository to what a plan says.

Run twice, it changes nothing the second time. It stops before the work of a person: a commit that
is not ours on the branch, a pin that changed on the base, a pull request that somebody closed. It
opens and refreshes; merging is a person's.

GitHub cannot change branch and text in one step, and another run may do the same at the same time.
So whoever changed something looks again, until nothing has to be changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engine_ci.bump import body, page
from engine_ci.bump.branch import Branch
from engine_ci.errors import ForeignCommitError, MovedError, OutsideError

if TYPE_CHECKING:
    from engine_ci.bump.branch import Seen
    from engine_ci.bump.committer import Committer
    from engine_ci.bump.plan import Plan
    from engine_ci.config import PullRequestPolicy
    from engine_ci.system.git import Remote, Repository
    from engine_ci.system.github import Hub, PullRequest

# Two runs that meet more often than this leave it to the next one.
_LOOKS = 6


class Outcome(StrEnum):
    """What became of the pull request."""

    OPENED = "opened"
    REFRESHED = "refreshed"
    UNCHANGED = "unchanged"
    DECLINED = "declined"
    PRESENT = "present"


_CHANGES = (Outcome.OPENED, Outcome.REFRESHED)


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
    committer: Committer,
) -> Proposal:
    """Opens the pull request, or brings the open one up to date.

    Args:
        plan: what to propose.
        repository: a clone; its working tree and branches stay as they are.
        remote: where the branch goes.
        hub: the same repository on GitHub.
        base: the branch that the pull request is for.
        policy: labels and reviewers.
        committer: who makes the commit.

    Raises:
        ForeignCommitError: somebody else's work is in the way, and stays as it is.
        OutsideError: git or GitHub failed, or another run proposes something else.
    """
    branch = Branch(
        repository=repository, remote=remote, name=plan.branch, base=base, committer=committer
    )
    run = _Run(plan=plan, branch=branch, hub=hub, policy=policy)
    done: Proposal | None = None
    for look in range(_LOOKS):
        try:
            found = run.once(known=done.pull_request if done else None, again=look > 0)
        except MovedError:
            continue
        done = found if done is None else _both(done, found)
        if found.outcome not in _CHANGES:
            return done
    raise _overtaken(plan)


def _both(earlier: Proposal, later: Proposal) -> Proposal:
    """What became of it in two looks."""
    if later.outcome not in (*_CHANGES, Outcome.UNCHANGED):
        return later
    notes = tuple(dict.fromkeys((*earlier.notes, *later.notes)))
    return replace(later, outcome=earlier.outcome, notes=notes)


def _overtaken(plan: Plan) -> OutsideError:
    return OutsideError(
        f"{plan.branch}: another run proposes something else than {plan.version} at the same time",
        hint="let that run end, look at its pull request, and run again if it should be another",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One plan on its way; the attributes are those of `open_or_refresh`."""

    plan: Plan
    branch: Branch
    hub: Hub
    policy: PullRequestPolicy

    def once(self, *, known: PullRequest | None, again: bool) -> Proposal:
        """Looks, and changes what is not as it should be.

        Args:
            known: what this run opened or found before.
            again: whether this run looked before: what differs now is of another one.

        Raises:
            MovedError: somebody was quicker; nothing was changed.
        """
        plan, seen = self.plan, self.branch.look()
        if self._on_base(seen):
            return Proposal(outcome=Outcome.PRESENT, pull_request=None)
        # A list may be older than what was opened just now.
        pulls = self._pulls() if known is None else (self.hub.pull_request(known.number),)
        current = next((pull for pull in pulls if pull.open), None)
        declined = None if current or plan.insists else _declined(plan, pulls)
        if declined:
            note = (
                f"#{declined.number} for {plan.version} was closed by a person, so it stays closed"
            )
            return Proposal(outcome=Outcome.DECLINED, pull_request=declined, notes=(note,))
        page.stop_at_foreign(current, plan=plan)
        tree = self.branch.tree(plan.after, seen=seen)
        carried = self.branch.carries(tree, seen=seen)
        if again and _is_done(plan, current, carried=carried):
            return Proposal(outcome=Outcome.UNCHANGED, pull_request=current)
        return self._change(current, tree=None if carried else tree, seen=seen)

    def _pulls(self) -> tuple[PullRequest, ...]:
        return self.hub.pull_requests(self.plan.branch)

    def _on_base(self, seen: Seen) -> bool:
        """Whether the base has it already; ForeignCommitError where it has something else."""
        plan, read = self.plan, self.branch.repository.read
        found = {path: read(path, at=seen.base) for path in plan.before}
        if found == plan.after:
            return True
        for path, text in plan.before.items():
            if found[path] != text:
                base = self.branch.base
                message = f"{path} on {base} is not what this run started from"
                raise ForeignCommitError(message, hint=f"update the clone to {base} and run again")
        return False

    def _change(self, current: PullRequest | None, *, tree: str | None, seen: Seen) -> Proposal:
        """Puts the branch on a tree, where one is given, and has the pull request say the plan."""
        plan, hub, policy = self.plan, self.hub, self.policy
        with self.branch.on(tree, message=plan.message, seen=seen):
            if current is not None:
                made = page.bring_about(plan, current, hub=hub, policy=policy)
                changed = made.changed or tree is not None
                outcome = Outcome.REFRESHED if changed else Outcome.UNCHANGED
                return Proposal(outcome=outcome, pull_request=made.pull_request, notes=made.notes)
            opened = page.open_unfinished(plan, hub=hub, base=self.branch.base)
        made = page.bring_about(plan, opened, hub=hub, policy=policy)
        return Proposal(outcome=Outcome.OPENED, pull_request=made.pull_request, notes=made.notes)


def _declined(plan: Plan, pulls: tuple[PullRequest, ...]) -> PullRequest | None:
    for pull in pulls:
        if not pull.merged and body.proposed(pull.body, pin=plan.pin) == plan.version:
            return pull
    return None


def _is_done(plan: Plan, current: PullRequest | None, *, carried: bool) -> bool:
    """Whether branch and text propose the version, after this run had a hand in it.

    Other words for the same version are those of another run, and as good.

    Raises:
        OutsideError: both propose something else, so another run came later, and is in charge.
    """
    said = current is not None and body.proposed(current.body, pin=plan.pin) == plan.version
    if not (carried or said):
        raise _overtaken(plan)
    return carried and said and not page.is_unfinished(current)
