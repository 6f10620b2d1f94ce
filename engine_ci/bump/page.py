"""The pull request of a plan as people see it on GitHub: words, labels, reviewers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine_ci.bump import body
from engine_ci.errors import ForeignCommitError, GitHubError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.bump.plan import Plan
    from engine_ci.config import PullRequestPolicy
    from engine_ci.system.github import Hub, PullRequest

# On a pull request that the gate did not let pass, and on no other.
BLOCKED = "engine-blocked"
# What GitHub answers where somebody may not review.
_MAY_NOT = 422
# Stands in the text until labels and reviewers are there too, so that a run which was cut off
# before is finished by the next one, and a person who took a reviewer off is not overruled.
_UNFINISHED = "<!-- engine-ci: being opened -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A pull request that says what it should.

    Attributes:
        changed: whether it said something else before.
        notes: what a person should know or do, one sentence each.
    """

    pull_request: PullRequest
    changed: bool
    notes: tuple[str, ...]


def stop_at_foreign(current: PullRequest | None, *, plan: Plan) -> None:
    """Raises ForeignCommitError where an open pull request was not written by us."""
    if current and body.proposed(current.body, pin=plan.pin) is None:
        message = f"#{current.number} is open from {plan.branch}, and its text is not ours"
        raise ForeignCommitError(message, hint="close it, or set `pull_request.branch` to another")


def open_unfinished(plan: Plan, *, hub: Hub, base: str) -> PullRequest:
    """Opens it, or returns the one that is open after all; `bring_about` does the rest.

    Raises:
        ForeignCommitError: a person opened another one meanwhile.
        GitHubError: GitHub refused or did not answer.
    """
    text = f"{_UNFINISHED}\n\n{plan.body}"
    opened = hub.create(
        branch=plan.branch, base=base, title=plan.title, body=text, draft=plan.draft
    )
    stop_at_foreign(opened, plan=plan)
    return opened


def is_unfinished(current: PullRequest | None) -> bool:
    """Whether labels or reviewers may be missing since it was opened."""
    return current is not None and _UNFINISHED in current.body


def bring_about(plan: Plan, current: PullRequest, *, hub: Hub, policy: PullRequestPolicy) -> Page:
    """Changes what is not as the plan says, the words last; GitHubError when that fails."""
    notes: list[str] = []
    labels = (*policy.labels, *([BLOCKED] if plan.draft else []))
    # GitHub takes `Bug` and `bug` for one label, and shows it as whoever made it wrote it.
    wanted, found = (list(map(str.casefold, names)) for names in (labels, current.labels))
    missing = [label for label in labels if label.casefold() not in found]
    if missing:
        hub.add_labels(current.number, missing)
    freed = BLOCKED in found and BLOCKED not in wanted
    if freed:
        hub.remove_label(current.number, BLOCKED)
    if is_unfinished(current) and policy.reviewers:
        notes += _ask_for_review(current, hub=hub, policy=policy)
    state = _state_note(plan, current)
    text = f"> [!NOTE]\n> {state}\n\n{plan.body}" if state else plan.body
    edited = (current.title, current.body.strip()) != (plan.title, text.strip())
    if edited:
        hub.edit(current.number, title=plan.title, body=text)
    return Page(
        pull_request=replace(current, title=plan.title, body=text),
        changed=bool(missing or freed or edited),
        notes=(*notes, state) if state else tuple(notes),
    )


def _ask_for_review(current: PullRequest, *, hub: Hub, policy: PullRequestPolicy) -> Iterator[str]:
    """Asks each; yields what a person should know where somebody could not be asked."""
    for name in policy.reviewers:
        # One by one: GitHub asks none of several where one of them may not review.
        try:
            hub.request_reviewers(current.number, [name])
        except GitHubError as error:
            # The pull request stands; a name that may not review is no reason to call it failed.
            if error.status != _MAY_NOT:
                raise
            yield f"{name} was not asked for a review: {error.message}"


def _state_note(plan: Plan, current: PullRequest) -> str:
    """What a person has to press: GitHub's REST interface cannot make or unmake a draft."""
    if plan.draft and not current.draft:
        return "This ought to be a draft now: press “Convert to draft”, and do not merge it."
    if current.draft and not plan.draft:
        return "The gate passes now, so this need not be a draft: press “Ready for review”."
    return ""
