"""GitHub: the workflows of one repository, only read: which still run, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from engine_ci.system.github_connection import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What the token of a workflow may do.

    Attributes:
        usual: with the contents, where the workflow does not say.
        proposes: whether it may open pull requests.
    """

    usual: Literal["read", "write"]
    proposes: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """How a workflow that runs by the clock is.

    Attributes:
        state: `active`, or how it was disabled: `disabled_inactivity`, `disabled_manually`, …
        last: when it was last started by the clock; None where it never was.
    """

    state: str
    last: datetime | None


class Workflows(Connection):
    """The workflows of one repository, to be looked at."""

    needs = "the token needs to read actions"

    def rights(self) -> Rights | None:
        """Of a workflow's token; None where that is not shown. GitHubError when it fails."""
        with self._asking("reading what workflows may do"):
            found = self._shown("/actions/permissions/workflow")
            if found is None:
                return None
            return Rights(
                usual=found["default_workflow_permissions"],
                proposes=found["can_approve_pull_request_reviews"],
            )

    def schedule(self, path: str) -> Schedule | Literal["absent"] | None:
        """How the workflow in a file is; None where workflows are not shown.

        Raises:
            GitHubError: GitHub refused or did not answer.
        """
        with self._asking("reading the workflows"):
            found = self._shown("/actions/workflows?per_page=100")
            if found is None:
                return None
            named = [each for each in found["workflows"] if each["path"] == path]
            if not named:
                return "absent"
            file = quote(path.rpartition("/")[2])
            runs = self._shown(f"/actions/workflows/{file}/runs?event=schedule&per_page=1")
            started = [run["created_at"] for run in (runs or {}).get("workflow_runs", ())]
            last = datetime.fromisoformat(started[0]) if started else None
            return Schedule(state=named[0]["state"], last=last)
