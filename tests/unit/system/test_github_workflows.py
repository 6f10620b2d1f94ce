from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import GitHubError
from engine_ci.system.github_workflows import Rights, Schedule, Workflows
from fixtures.github import Fault, GitHubServer
from tests.unit.system import strange
from tests.unit.system.hub import ADMIN, READ, server

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]  # a fixture
PATH = ".github/workflows/engine-bump.yml"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def connect(server: GitHubServer, token: str) -> Workflows:
    return Workflows(api_url=server.api_url, repository="example/app", token=token)


@pytest.fixture
def reader(server: GitHubServer) -> Iterator[Workflows]:
    made = connect(server, READ)
    yield made
    made.close()


def test_what_workflows_may_do_is_for_administrators_to_know(
    server: GitHubServer, reader: Workflows
) -> None:
    server.hub.settings.actions_propose = True
    admin = connect(server, ADMIN)

    assert reader.rights() is None
    assert admin.rights() == Rights(usual="read", proposes=True)
    admin.close()


def test_a_workflow_is_told_with_its_last_run_by_the_clock(
    server: GitHubServer, reader: Workflows
) -> None:
    actions = server.hub.actions
    actions.workflow(".github/workflows/other.yml", at=START)
    bump = actions.workflow(PATH, at=START, state="disabled_inactivity")
    none = reader.schedule(PATH)
    for days, event in ((1, "schedule"), (2, "schedule"), (3, "workflow_dispatch")):
        at = START + timedelta(days=days)
        actions.run(bump, event=event, branch="main", sha="0" * 40, at=at)

    assert none == Schedule(state="disabled_inactivity", last=None)
    last = START + timedelta(days=2)
    assert reader.schedule(PATH) == Schedule(state="disabled_inactivity", last=last)


def test_a_workflow_that_is_not_there_is_absent(reader: Workflows) -> None:
    assert reader.schedule(PATH) == "absent"


@pytest.mark.parametrize(("status", "seen"), [(403, None), (404, None)])
def test_workflows_that_are_not_shown_are_not_known(
    server: GitHubServer, reader: Workflows, status: int, seen: None
) -> None:
    server.faults.add(Fault("GET .*/actions/workflows", status=status))

    assert reader.schedule(PATH) is seen


def test_runs_that_are_not_shown_leave_the_state(server: GitHubServer, reader: Workflows) -> None:
    server.hub.actions.workflow(PATH, at=START)
    server.faults.add(Fault("GET .*/runs", status=403))

    assert reader.schedule(PATH) == Schedule(state="active", last=None)


def test_any_other_refusal_is_an_error(server: GitHubServer, reader: Workflows) -> None:
    server.faults.add(Fault("GET .*/actions/workflows", status=400))

    with pytest.raises(GitHubError, match=r"reading the workflows: .* answered 400"):
        reader.schedule(PATH)


@pytest.mark.parametrize("kind", strange.KINDS)
def test_an_answer_that_is_none_tells_nothing(
    server: GitHubServer, reader: Workflows, kind: str
) -> None:
    server.faults.add(strange.fault(kind, "GET .*/actions/permissions/workflow"))
    server.faults.add(strange.fault(kind, "GET .*/actions/workflows"))

    with pytest.raises(GitHubError, match="is not what was asked for: "):
        reader.rights()
    with pytest.raises(GitHubError, match="is not what was asked for: "):
        reader.schedule(PATH)
