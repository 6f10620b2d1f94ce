"""Pure. May this pull request be merged by whoever merges it: has a person looked at the engine?

Only what was said of the very commit counts, and of each person only the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.decision import Decision
from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine_ci.system.github_pull import PullRequest, Review

_FILES: Final = "review/files"
_AUTO_MERGE: Final = "review/auto-merge"
_APPROVAL: Final = "review/approval"
_APPROVED: Final = "APPROVED"
# A comment leaves an approval, or a request for changes, as it is.
_OPINIONS: Final = (_APPROVED, "CHANGES_REQUESTED", "DISMISSED")


def touched(paths: Collection[str] | None, *, guarded: Collection[str]) -> tuple[str, ...]:
    """Which of the files that name an engine a pull request changes.

    Args:
        paths: of the files that it changes; None where not all of them are known.
        guarded: of the configuration, the pins and the targets.

    Returns:
        all of them where nobody can tell.
    """
    return tuple(sorted(set(guarded) if paths is None else set(guarded) & set(paths)))


def approvers(pull: PullRequest, reviews: Sequence[Review]) -> tuple[str, ...]:
    """The people other than the author whose last word is that the head commit is fine.

    What they may do in the repository is not known here.
    """
    author = _same(pull.user.login) if pull.user else None
    last: dict[str, Review] = {}
    for review in sorted(reviews, key=lambda each: each.id):
        if review.user is not None and review.user.person and review.state in _OPINIONS:
            last[review.user.login] = review
    return tuple(
        login
        for login, review in last.items()
        if _same(login) != author and (review.state, review.commit_id) == (_APPROVED, pull.head.sha)
    )


def decide(
    pull: PullRequest, *, files: Sequence[str], approved: Collection[str], gate: Answer
) -> Decision:
    """What speaks for a pull request that changes an engine, and what against it.

    Args:
        pull: as it is now.
        files: of those that name an engine, what it changes.
        approved: the people who approved the head commit, and may write.
        gate: what `gate_check` says.
    """
    answers = (
        Answer(id=_FILES, outcome=Outcome.OK, observed=f"changes {', '.join(files)}"),
        _automatic(pull),
        _approval(pull, approved),
        gate,
    )
    return Decision(schema=1, commit=pull.head.sha, answers=answers)


def ordinary(pull: PullRequest) -> Decision:
    """Of a pull request that changes no engine nothing is asked."""
    observed = "no file that names an engine is changed: nothing is asked here"
    answer = Answer(id=_FILES, outcome=Outcome.OK, observed=observed)
    return Decision(schema=1, commit=pull.head.sha, answers=(answer,))


def _automatic(pull: PullRequest) -> Answer:
    if pull.automatic is None:
        return Answer(id=_AUTO_MERGE, outcome=Outcome.OK, observed="off")
    by = pull.automatic.enabled_by
    return Answer(
        id=_AUTO_MERGE,
        outcome=Outcome.FAIL,
        observed=f"switched on by {by.login if by else 'an account that is gone'}",
        hint="switch it off: a person merges a new engine, at a moment that the person chose",
    )


def _approval(pull: PullRequest, approved: Collection[str]) -> Answer:
    if approved:
        observed = f"{', '.join(sorted(approved))} approved {pull.head.sha[:12]}"
        return Answer(id=_APPROVAL, outcome=Outcome.OK, observed=observed)
    return Answer(
        id=_APPROVAL,
        outcome=Outcome.FAIL,
        observed=f"no person who may write, other than the author, approves {pull.head.sha[:12]}",
        hint="approvals of older commits, dismissed ones and those of apps do not count",
    )


def _same(login: str) -> str:
    """GitHub takes `Octocat` and `octocat` for one account."""
    return login.casefold()
