"""Pure. GitHub: the checks that a branch requires, out of its rulesets and its classic protection.

Both are told to whoever may read the repository.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredCheck:
    """A check that must pass.

    Attributes:
        app: the GitHub App that has to report it; None where anybody may who can write.
    """

    name: str
    app: int | None = None


class _OfRule(_Answer):
    context: str
    integration_id: int | None = None


class _Parameters(_Answer):
    required_status_checks: tuple[_OfRule, ...] = ()


class Rule(_Answer):
    """A rule of a ruleset; one of another kind requires no check."""

    parameters: _Parameters | None = None

    @property
    def required(self) -> frozenset[RequiredCheck]:
        """The checks that it requires."""
        checks = self.parameters.required_status_checks if self.parameters else ()
        return frozenset(
            RequiredCheck(name=check.context, app=check.integration_id) for check in checks
        )


class _OfProtection(_Answer):
    context: str
    app_id: int | None = None


class Statuses(_Answer):
    """The checks of classic protection; an older server tells their names only."""

    contexts: tuple[str, ...] = ()
    checks: tuple[_OfProtection, ...] = ()

    @property
    def required(self) -> frozenset[RequiredCheck]:
        """The checks that it requires; -1 is said where any app will do."""
        apps = {check.context: check.app_id for check in self.checks}
        return frozenset(
            RequiredCheck(name=name, app=app if app and app > 0 else None)
            for name in {*apps, *self.contexts}
            for app in (apps.get(name),)
        )


class _Summary(_Answer):
    required_status_checks: Statuses | None = None


class Branch(_Answer):
    """A branch with what everybody may know of its classic protection."""

    protection: _Summary

    @property
    def required(self) -> frozenset[RequiredCheck]:
        """The checks that classic protection requires."""
        statuses = self.protection.required_status_checks
        return statuses.required if statuses else frozenset()
