from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import GitHubError
from engine_ci.system.git import Identity, Repository
from engine_ci.system.github_reads import Guard, Protection, Reader, Settings
from engine_ci.system.github_rules import RequiredCheck
from fixtures.github import Fault, GitHubServer, Login
from fixtures.github import Guard as Planted
from tests.unit.system import strange
from tests.unit.system.hub import ADMIN, READ, WRITE, server

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]  # a fixture
PIN = "pins/llama.cpp.yaml"
LINE = re.compile("version: ")
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PLANTED = Planted(
    checks=("gate",),
    approvals=2,
    app=15368,
    dismisses_stale=True,
    code_owners=True,
    bypass=("RepositoryRole", "OrganizationAdmin"),
)
CHECKS = frozenset({RequiredCheck(name="gate", app=15368)})
BOTH = Guard(checks=CHECKS, approvals=2, dismisses_stale=True, code_owners=True)


def connect(server: GitHubServer, token: str) -> Reader:
    return Reader(api_url=server.api_url, repository="example/app", token=token)


@pytest.fixture
def reader(server: GitHubServer) -> Iterator[Reader]:
    made = connect(server, READ)
    yield made
    made.close()


@pytest.fixture
def admin(server: GitHubServer) -> Iterator[Reader]:
    made = connect(server, ADMIN)
    yield made
    made.close()


def commit(server: GitHubServer, *, day: int, files: dict[str, str]) -> None:
    """A commit on the default branch, so many days after the start."""
    bare = Repository(path=server.repository.path)
    base = server.repository.branches()["main"]
    made = bare.commit_tree(
        bare.write_tree(files, base=base),
        parent=base,
        message=f"Day {day}\n",
        identity=Identity(name="A Person", email="person@example.invalid"),
        at=START + timedelta(days=day),
    )
    server.repository.keep("refs/heads/main", made)


def test_a_file_changed_when_such_a_line_did(server: GitHubServer, reader: Reader) -> None:
    commit(server, day=1, files={PIN: "version: b1\n"})
    commit(server, day=2, files={PIN: "version: b2\n"})
    commit(server, day=3, files={PIN: "version: b2\nholds:\n- version: b3\n"})
    commit(server, day=4, files={"README.md": "version: none\n"})

    assert reader.changed(PIN, line=LINE) == START + timedelta(days=2)


def test_a_new_file_changed_when_it_came(server: GitHubServer, reader: Reader) -> None:
    commit(server, day=1, files={PIN: "version: b1\n"})

    assert reader.changed(PIN, line=LINE) == START + timedelta(days=1)


def test_a_file_that_is_not_there_never_changed(reader: Reader) -> None:
    assert reader.changed(PIN, line=LINE) is None


def test_after_ten_edits_of_other_lines_the_oldest_of_them_is_the_answer(
    server: GitHubServer, reader: Reader
) -> None:
    for day in range(12):
        commit(server, day=day, files={PIN: "version: b1\n" + "#\n" * day})

    assert reader.changed(PIN, line=LINE) == START + timedelta(days=2)
    assert len(server.requests) == 11


def test_who_may_write_sees_the_settings(server: GitHubServer) -> None:
    reader = connect(server, WRITE)

    assert reader.settings() == Settings(
        branch="main", may_write=True, personal=None, automatic=False
    )
    reader.close()


def test_what_is_not_shown_is_not_known(reader: Reader) -> None:
    assert reader.settings() == Settings(
        branch="main", may_write=False, personal=None, automatic=None
    )


@pytest.mark.parametrize(
    ("begins", "scopes", "kind"),
    [
        ("ghp_", "repo, workflow", "classic"),
        ("ghp_", "", "classic"),
        ("github_pat_", None, "fine-grained"),
        ("ghs_", None, None),
    ],
)
def test_a_personal_token_is_told_by_its_scopes_or_its_beginning(
    server: GitHubServer, begins: str, scopes: str | None, kind: str | None
) -> None:
    token = begins + secrets.token_hex(20)
    assert isinstance(server.hub.tokens, dict)
    server.hub.tokens[token] = Login("a person", write=True, scopes=scopes)
    reader = connect(server, token)

    assert reader.settings().personal == kind
    reader.close()


@pytest.mark.parametrize("branch", ["main", "release/1"])
def test_a_branch_that_nothing_protects_asks_for_nothing(
    server: GitHubServer, admin: Reader, branch: str
) -> None:
    tip = server.repository.branches()["main"]
    server.repository.keep("refs/heads/release/1", tip)
    nothing = Protection(rules=Guard(), classic=Guard(), checks=frozenset())

    assert admin.protection(branch) == nothing


def test_rulesets_are_for_everybody_to_read_but_for_who_passes_them_by(
    server: GitHubServer, reader: Reader, admin: Reader
) -> None:
    server.hub.settings.ruleset = PLANTED

    assert reader.protection("main").rules == replace(BOTH, bypass=None)
    passing = frozenset({"RepositoryRole 5", "OrganizationAdmin 5"})
    assert admin.protection("main").rules == replace(BOTH, bypass=passing)


def test_an_actor_without_a_number_goes_by_its_kind(server: GitHubServer, admin: Reader) -> None:
    server.hub.settings.ruleset = PLANTED
    actor = b'{"bypass_actors": [{"actor_type": "OrganizationAdmin", "actor_id": null}]}'
    server.faults.add(Fault("GET .*/rulesets/1", status=200, body=actor))

    rules = admin.protection("main").rules

    assert rules is not None
    assert rules.bypass == frozenset({"OrganizationAdmin"})


def test_classic_protection_is_for_administrators_but_for_its_checks(
    server: GitHubServer, reader: Reader, admin: Reader
) -> None:
    server.hub.settings.classic = PLANTED

    assert admin.protection("main").classic == replace(BOTH, bypass=frozenset({"administrators"}))
    seen = reader.protection("main")
    assert (seen.classic, seen.checks) == (None, CHECKS)


def test_who_passes_classic_protection_by_is_named(server: GitHubServer, admin: Reader) -> None:
    server.hub.settings.classic = replace(PLANTED, binds_admins=True)
    allowed = {"users": [{"login": "ann"}], "teams": [{"slug": "ops"}], "apps": [{"slug": "bot"}]}
    body = {
        "enforce_admins": {"enabled": True},
        "required_pull_request_reviews": {"bypass_pull_request_allowances": allowed},
        "required_status_checks": {
            "checks": [{"context": "gate", "app_id": -1}],
            "contexts": ["gate", "older"],
        },
    }
    assert admin.protection("main").classic == BOTH
    answer = json.dumps(body).encode()
    server.faults.add(Fault("GET .*/protection", status=200, body=answer))

    classic = admin.protection("main").classic

    assert classic is not None
    assert classic.bypass == frozenset({"users ann", "teams ops", "apps bot"})
    assert classic.checks == {RequiredCheck(name="gate"), RequiredCheck(name="older")}


def test_rules_that_cannot_be_read_are_not_known(server: GitHubServer, reader: Reader) -> None:
    server.faults.add(Fault("GET .*/rules/branches/main", status=404))

    assert reader.protection("main").rules is None


def test_any_other_refusal_is_an_error(server: GitHubServer, reader: Reader) -> None:
    server.faults.add(Fault("GET .*/rules/branches/main", status=400))

    with pytest.raises(GitHubError, match=r"reading how main is protected: .* answered 400"):
        reader.protection("main")


@pytest.mark.parametrize("kind", strange.KINDS)
def test_an_answer_that_is_none_tells_nothing(
    server: GitHubServer, reader: Reader, kind: str
) -> None:
    wrong = "is not what was asked for: "
    for match in ("GET .*/commits", "GET .*/rules/branches/main", "GET /repos/example/app"):
        server.faults.add(strange.fault(kind, match))

    with pytest.raises(GitHubError, match=wrong):
        reader.changed(PIN, line=LINE)
    with pytest.raises(GitHubError, match=wrong):
        reader.protection("main")
    with pytest.raises(GitHubError, match=wrong):
        reader.settings()
