"""Pure. Answers about what GitHub does not show to this token, and which token would see it."""

from __future__ import annotations

from typing import Final

from engine_ci.records.doctor import Answer, Outcome


def ask_with(permission: str) -> str:
    """The hint that names the permission which is missing."""
    return f"ask with a token that has `{permission}`"


_ADMINISTRATION: Final = f"{ask_with('Administration: read')}, which that of a workflow cannot have"


def unseen(name: str, observed: str, *, hint: str = _ADMINISTRATION) -> Answer:
    """The answer to the question of that name; the usual hint is for what few tokens may read."""
    return Answer(id=name, outcome=Outcome.UNKNOWN, observed=observed, hint=hint)
