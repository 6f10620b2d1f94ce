"""Pure. Questions about a repository: what may this token do, and does GitHub merge by itself?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.doctor.unseen import ask_with, unseen
from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.system.github_reads import Settings

_RIGHTS: Final = "token/rights"
_AUTOMATIC: Final = "merge/automatic"
QUESTIONS: Final = (_RIGHTS, _AUTOMATIC)


def judged(settings: Settings) -> Iterator[Answer]:
    """Every question here, in their order."""
    yield token(settings)
    yield automatic(settings)


def token(settings: Settings) -> Answer:
    """Whether this token may do what `bump` does, and whose it is."""
    if settings.personal is not None:
        return Answer(
            id=_RIGHTS,
            outcome=Outcome.WARN,
            observed=f"a {settings.personal} personal token",
            hint="its owner becomes the author of pull requests and cannot approve them: use the "
            "token of the workflow, or of a GitHub App",
        )
    if settings.may_write is None:
        observed = "GitHub does not say what this token may do"
        hint = "ask with the token of the workflow, or of a GitHub App"
        return unseen(_RIGHTS, observed, hint=hint)
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
        observed = "GitHub shows this setting to who may write only"
        return unseen(_AUTOMATIC, observed, hint=ask_with("Contents: write"))
    if not settings.automatic:
        return Answer(id=_AUTOMATIC, outcome=Outcome.OK, observed="not allowed")
    return Answer(
        id=_AUTOMATIC,
        outcome=Outcome.WARN,
        observed="allowed",
        hint="Settings → General → Pull Requests: switch “Allow auto-merge” off",
    )
