"""Pure. Questions about a repository's settings: can anything be merged that no person approved?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.system.github_reads import Guard, Protection, Settings

# The aggregating check of the workflow that runs the gate.
GATE_CHECK = "engine-gate"
_RULES = "Settings → Rules → Rulesets → New branch ruleset"
_ADMIN = "ask with a token that may read the administration of the repository"
_RIGHTS = "token/rights"
_AUTOMATIC = "merge/automatic"
_REQUIRED_CHECK = "merge/required-check"
_REVIEWS = "merge/reviews"
_QUESTIONS = (_RIGHTS, _AUTOMATIC, _REQUIRED_CHECK, _REVIEWS)


def unknown(reason: str, *, hint: str | None) -> Iterator[Answer]:
    """Every question that GitHub answers, when it could not be asked."""
    for question in _QUESTIONS:
        yield Answer(id=question, outcome=Outcome.UNKNOWN, observed=reason, hint=hint or "")


def judged(settings: Settings, protection: Protection) -> Iterator[Answer]:
    """Every question here, in their order."""
    yield token(settings)
    yield automatic(settings)
    yield required_check(protection)
    yield reviews(protection)


def token(settings: Settings) -> Answer:
    """Whether this token may do what `bump` does, and whose it is."""
    if settings.scopes is not None:
        return Answer(
            id=_RIGHTS,
            outcome=Outcome.WARN,
            observed="a classic personal token",
            hint="its owner becomes the author of pull requests and cannot approve them: use the "
            "token of the workflow, or of a GitHub App",
        )
    if settings.may_write is None:
        observed, hint = "GitHub does not say what this token may do", ""
        return Answer(id=_RIGHTS, outcome=Outcome.UNKNOWN, observed=observed, hint=hint)
    if settings.may_write:
        return Answer(id=_RIGHTS, outcome=Outcome.OK, observed="may write contents")
    return Answer(
        id=_RIGHTS,
        outcome=Outcome.WARN,
        observed="may read only",
        hint="`bump --open` needs to write contents, pull requests and issues",
    )


def automatic(settings: Settings) -> Answer:
    """Whether GitHub may merge a pull request by itself once its checks pass."""
    if settings.automatic is None:
        return Answer(
            id=_AUTOMATIC,
            outcome=Outcome.UNKNOWN,
            observed="GitHub shows this setting to who may write only",
            hint="ask with a token that may write",
        )
    if not settings.automatic:
        return Answer(id=_AUTOMATIC, outcome=Outcome.OK, observed="not allowed")
    return Answer(
        id=_AUTOMATIC,
        outcome=Outcome.WARN,
        observed="allowed",
        hint="Settings → General → Pull Requests: switch “Allow auto-merge” off",
    )


def required_check(protection: Protection) -> Answer:
    """Whether the gate must pass before anything is merged."""
    found = set(protection.checks)
    for guard in _known(protection):
        found |= guard.checks
    told = f"required: {', '.join(sorted(found))}" if found else "no check is required"
    hint = f"{_RULES} → Require status checks to pass: add the check {GATE_CHECK}"
    if any(check.startswith(GATE_CHECK) for check in found):
        return Answer(id=_REQUIRED_CHECK, outcome=Outcome.OK, observed=told)
    if protection.rules is None:
        unread = f"rulesets cannot be read; apart from them, {told}"
        return Answer(id=_REQUIRED_CHECK, outcome=Outcome.UNKNOWN, observed=unread, hint=_ADMIN)
    outcome = Outcome.WARN if found else Outcome.FAIL
    return Answer(id=_REQUIRED_CHECK, outcome=outcome, observed=told, hint=hint)


def reviews(protection: Protection) -> Answer:
    """Whether a person must approve before anything is merged."""
    known = _known(protection)
    approvals = max((guard.approvals for guard in known), default=0)
    if approvals:
        observed = f"at least {approvals} must approve"
        return Answer(id=_REVIEWS, outcome=Outcome.OK, observed=observed)
    if len(known) < len((protection.rules, protection.classic)):
        return Answer(
            id=_REVIEWS,
            outcome=Outcome.UNKNOWN,
            observed="not all of the protection can be read, and what can asks for no approval",
            hint=_ADMIN,
        )
    return Answer(
        id=_REVIEWS,
        outcome=Outcome.FAIL,
        observed="nobody has to approve",
        hint=f"{_RULES} → Require a pull request before merging: 1 required approval",
    )


def _known(protection: Protection) -> list[Guard]:
    return [guard for guard in (protection.rules, protection.classic) if guard is not None]
