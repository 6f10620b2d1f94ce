"""Pure. Questions about the default branch: can anything be merged that no person approved?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.doctor.unseen import unseen
from engine_ci.records.decision import GATE_CHECK, REVIEW_CHECK
from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.system.github_reads import Protection
    from engine_ci.system.github_rules import RequiredCheck

_REQUIRED: Final = "merge/required-check"
_BOUND: Final = "merge/bound-check"
_REVIEW: Final = "merge/review-check"
_REVIEWS: Final = "merge/reviews"
_STALE: Final = "merge/stale-reviews"
_OWNERS: Final = "merge/code-owners"
_BYPASS: Final = "merge/bypass"
QUESTIONS: Final = (_REQUIRED, _BOUND, _REVIEW, _REVIEWS, _STALE, _OWNERS, _BYPASS)
_RULES: Final = "Settings → Rules → Rulesets → New branch ruleset"
_PULL: Final = f"{_RULES} → Require a pull request before merging"
_CHECKS: Final = f"{_RULES} → Require status checks to pass"


def judged(protection: Protection) -> Iterator[Answer]:
    """Every question here, in their order."""
    yield required_check(protection)
    yield bound_check(protection)
    yield review_check(protection)
    yield reviews(protection)
    yield stale_reviews(protection)
    yield code_owners(protection)
    yield bypass(protection)


def required_check(protection: Protection) -> Answer:
    """Whether the gate must pass before anything is merged."""
    found = sorted({check.name for check in _required(protection)})
    told = f"required: {', '.join(found)}" if found else "no check is required"
    if any(_is(check, GATE_CHECK) for check in found):
        return Answer(id=_REQUIRED, outcome=Outcome.OK, observed=told)
    if protection.rules is None:
        return unseen(_REQUIRED, f"rulesets cannot be read; apart from them, {told}")
    outcome = Outcome.WARN if found else Outcome.FAIL
    hint = f"{_CHECKS}: add the check {GATE_CHECK}"
    return Answer(id=_REQUIRED, outcome=outcome, observed=told, hint=hint)


def bound_check(protection: Protection) -> Answer:
    """Whether the gate's check counts from one app only, or from whoever may write."""
    own = [check for check in _required(protection) if _is(check.name, GATE_CHECK)]
    apps = sorted({check.app for check in own if check.app is not None})
    if apps:
        observed = f"{GATE_CHECK} counts from app {', '.join(map(str, apps))} only"
        return Answer(id=_BOUND, outcome=Outcome.OK, observed=observed)
    if not own:
        observed = f"{GATE_CHECK} is not seen among the required checks"
        return unseen(_BOUND, observed, hint=f"see {_REQUIRED}")
    return Answer(
        id=_BOUND,
        outcome=Outcome.WARN,
        observed=f"whoever may write can report {GATE_CHECK} as passed",
        hint=f"{_CHECKS} → {GATE_CHECK}: choose the source GitHub Actions",
    )


def review_check(protection: Protection) -> Answer:
    """Whether the check of the approval is required too."""
    if any(_is(check.name, REVIEW_CHECK) for check in _required(protection)):
        return Answer(id=_REVIEW, outcome=Outcome.OK, observed=f"{REVIEW_CHECK} is required")
    if protection.rules is None:
        return unseen(_REVIEW, "rulesets cannot be read")
    return Answer(
        id=_REVIEW,
        outcome=Outcome.WARN,
        observed=f"{REVIEW_CHECK} is not required, so auto-merge and self-made approvals may pass",
        hint=f"{_CHECKS}: add the check {REVIEW_CHECK}",
    )


def reviews(protection: Protection) -> Answer:
    """Whether a person must approve before anything is merged."""
    approvals = max((guard.approvals for guard in protection.known), default=0)
    if approvals:
        observed = f"at least {approvals} must approve"
        return Answer(id=_REVIEWS, outcome=Outcome.OK, observed=observed)
    if not protection.whole:
        observed = "not all of the protection can be read, and what can asks for no approval"
        return unseen(_REVIEWS, observed)
    return Answer(
        id=_REVIEWS,
        outcome=Outcome.FAIL,
        observed="nobody has to approve",
        hint=f"{_PULL}: 1 required approval",
    )


def stale_reviews(protection: Protection) -> Answer:
    """Whether a push takes approvals away, which were of something else."""
    return _either(
        _STALE,
        protection,
        holds=any(guard.dismisses_stale for guard in protection.known),
        yes="a push dismisses approvals",
        no="approvals outlive the push of something else",
        hint=f"{_PULL}: Dismiss stale pull request approvals when new commits are pushed",
    )


def code_owners(protection: Protection) -> Answer:
    """Whether those who own `pins/` have to approve."""
    return _either(
        _OWNERS,
        protection,
        holds=any(guard.code_owners for guard in protection.known),
        yes="owners of the files have to approve",
        no="owners of the files need not approve",
        hint=f"{_PULL}: Require review from Code Owners, with lines for `pins/` and "
        "`.github/` in CODEOWNERS",
    )


def bypass(protection: Protection) -> Answer:
    """Who need not keep to any of this."""
    shown = [guard.bypass for guard in protection.known if guard.bypass is not None]
    who = sorted({actor for actors in shown for actor in actors})
    if who:
        return Answer(
            id=_BYPASS,
            outcome=Outcome.WARN,
            observed=f"may merge without it: {', '.join(who)}",
            hint="Settings → Rules → Rulesets → Bypass list: empty it, or switch “Do not allow "
            "bypassing the above settings” on in the protection of the branch",
        )
    if not protection.whole or len(shown) < len(protection.known):
        return unseen(_BYPASS, "who may pass by is not shown to this token")
    return Answer(id=_BYPASS, outcome=Outcome.OK, observed="nobody may pass by")


def _either(
    name: str, protection: Protection, *, holds: bool, yes: str, no: str, hint: str
) -> Answer:
    if holds:
        return Answer(id=name, outcome=Outcome.OK, observed=yes)
    if not protection.whole:
        return unseen(name, "not all of the protection can be read")
    return Answer(id=name, outcome=Outcome.WARN, observed=no, hint=hint)


def _required(protection: Protection) -> frozenset[RequiredCheck]:
    return protection.checks.union(*(guard.checks for guard in protection.known))


def _is(name: str, check: str) -> bool:
    """Whether it is that job; GitHub puts the name of a workflow that calls another before it."""
    return check in name.split(" / ")
