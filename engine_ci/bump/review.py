"""Pure. May this pull request be merged by whoever merges it: has a person looked at the engine?

Only what was said of the very commit counts, and of each person only the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.decision import CHECKING_APP, GATE_CHECK, Decision
from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from engine_ci.system.github_pull import CheckRun, PullRequest, Review

_FILES: Final = "review/files"
_AUTO_MERGE: Final = "review/auto-merge"
_APPROVAL: Final = "review/approval"
_GATE: Final = "review/gate"
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
    pull: PullRequest,
    *,
    files: Sequence[str],
    approved: Collection[str],
    runs: Collection[CheckRun],
) -> Decision:
    """What speaks for the pull request, and what against it.

    Args:
        pull: as it is now.
        files: of those that name an engine, what it changes.
        approved: the people who approved the head commit, and may write.
        runs: of the gate's check, on the head commit.
    """
    answers = _answers(pull, files, approved, runs) if files else [_ordinary()]
    return Decision(schema=1, commit=pull.head.sha, answers=tuple(answers))


def _ordinary() -> Answer:
    observed = "no file that names an engine is changed: nothing is asked here"
    return Answer(id=_FILES, outcome=Outcome.OK, observed=observed)


def _answers(
    pull: PullRequest, files: Sequence[str], approved: Collection[str], runs: Collection[CheckRun]
) -> Iterator[Answer]:
    yield Answer(id=_FILES, outcome=Outcome.OK, observed=f"changes {', '.join(files)}")
    yield _automatic(pull)
    yield _approval(pull, approved)
    yield _gate(runs)


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


def _gate(runs: Collection[CheckRun]) -> Answer:
    """Of several runs the newest counts, as GitHub has it too."""
    own = [run for run in runs if _is_gate(run)]
    run = max(own, key=lambda each: each.id, default=None)
    if run is not None and (run.status, run.conclusion) == ("completed", "success"):
        return Answer(id=_GATE, outcome=Outcome.OK, observed="passed on this commit")
    found = "did not run on this commit" if run is None else run.conclusion or run.status
    return Answer(
        id=_GATE,
        outcome=Outcome.FAIL,
        observed=f"expected the check {GATE_CHECK} to be a success, found: {found}",
        hint="once it is, run this job again: an approval does not wait for it",
    )


def _is_gate(run: CheckRun) -> bool:
    by = run.app.slug if run.app else None
    return (run.name, by) == (GATE_CHECK, CHECKING_APP)


def _same(login: str) -> str:
    """GitHub takes `Octocat` and `octocat` for one account."""
    return login.casefold()
