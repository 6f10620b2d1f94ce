"""Against an embedded GitHub, over HTTP."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import NOT_LOGGED_IN, GitHubError
from engine_ci.system.git import Identity, Repository
from engine_ci.system.github_pull import PullRequestReader, Tip
from engine_ci.system.github_rules import RequiredCheck
from engine_ci.system.rest import RestReader
from fixtures.github import Fault, GitHubServer, Guard, Login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.github.records import Pull

READ = secrets.token_hex(20)
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BRANCH = "engine-ci/llama.cpp"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    tokens = {READ: Login("github-actions[bot]")}
    with GitHubServer.start(tmp_path / "hub", tokens=tokens, collaborators=["ann"]) as running:
        yield running
    assert [record for record in running.requests if record.problem] == []


@pytest.fixture
def reader(server: GitHubServer, tmp_path: Path, waited: list[float]) -> PullRequestReader:
    api = RestReader(server.api_url, cache=tmp_path / "cache", token=READ, wait=waited.append)
    return PullRequestReader(api, repository="example/app")


def proposed(server: GitHubServer, *, files: int = 1) -> Pull:
    """A pull request that changes so many files."""
    bare = Repository(path=server.repository.path)
    base = server.repository.branches()["main"]
    made = bare.commit_tree(
        bare.write_tree({f"file-{number}": "x\n" for number in range(files)}, base=base),
        parent=base,
        message="Bump\n",
        identity=Identity(name="A Bot", email="bot@example.invalid"),
        at=AT,
    )
    server.repository.keep(f"refs/heads/{BRANCH}", made)
    return server.hub.open_pull(
        author="engine-ci[bot]", title="t", body="", head=BRANCH, base="main", draft=False
    )


def test_a_pull_request_tells_whose_it_is_its_head_and_whether_it_merges_itself(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    made = proposed(server)

    before = reader.pull_request(1)
    made.auto_merge = "ann"
    after = reader.pull_request(1)

    assert before.user is not None
    assert (before.user.login, before.user.person) == ("engine-ci[bot]", False)
    assert before.head == Tip(ref=BRANCH, sha=made.head_sha)
    assert before.base == Tip(ref="main", sha=made.base_sha)
    assert before.automatic is None
    assert after.automatic is not None
    assert after.automatic.enabled_by is not None
    assert after.automatic.enabled_by.login == "ann"


def test_many_files_and_many_reviews_are_read_whole(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    made = proposed(server, files=250)
    for _ in range(130):
        server.hub.reviews.add(made, author="ben", event="COMMENT", body="hm", at=AT)
    server.hub.reviews.add(made, author="ann", event="APPROVE", at=AT)

    paths = reader.paths(reader.pull_request(1))
    reviews = reader.reviews(1)

    assert paths == frozenset(f"file-{number}" for number in range(250))
    assert (len(reviews), reviews[-1].state) == (131, "APPROVED")
    assert reviews[-1].commit_id == made.head_sha
    assert {request.method for request in server.requests} == {"GET"}
    assert len(server.requests) == 1 + 3 + 2


def test_a_renamed_file_counts_under_both_names(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    proposed(server)
    body = b'[{"filename": "new", "previous_filename": "old"}]'
    server.faults.add(Fault("GET .*/files", status=200, body=body))

    assert reader.paths(reader.pull_request(1)) == frozenset({"new", "old"})


def test_where_github_shows_not_all_files_they_are_not_known(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    proposed(server, files=2)
    server.faults.add(Fault("GET .*/files", status=200, body=b'[{"filename": "a"}]'))

    assert reader.paths(reader.pull_request(1)) is None


def test_a_list_without_an_end_is_given_up(server: GitHubServer, reader: PullRequestReader) -> None:
    made = proposed(server)
    for _ in range(3001):
        server.hub.reviews.add(made, author="ben", event="COMMENT", body="hm", at=AT)

    with pytest.raises(GitHubError, match="more than 3000 entries"):
        reader.reviews(1)


def test_every_run_of_a_check_is_read_with_who_made_it(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    made = proposed(server)
    checks, sha = server.hub.checks, made.head_sha
    first = checks.add("engine-gate", sha, at=AT, conclusion="failure")
    checks.add("engine-gate", sha, at=AT, conclusion="success", suite=first.suite)
    checks.add("engine-gate", sha, at=AT, app="other")
    checks.add("build", sha, at=AT, conclusion="success")

    runs = reader.check_runs(sha, name="engine-gate")

    assert {(each.id, each.app.slug if each.app else None, each.conclusion) for each in runs} == {
        (1, "github-actions", "failure"),
        (2, "github-actions", "success"),
        (3, "other", None),
    }


def test_what_happened_to_labels_is_told_with_who_and_when(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    made = proposed(server)
    server.hub.clock = lambda: AT
    server.hub.add_labels(made, ["override"], actor="ann")
    server.hub.remove_label(made, "override", actor="engine-ci[bot]")

    told = [
        (each.event, each.label.name, each.actor.login, each.created_at)
        for each in reader.events(1)
        if each.label and each.actor
    ]

    assert told == [
        ("labeled", "override", "ann", AT),
        ("unlabeled", "override", "engine-ci[bot]", AT),
    ]


@pytest.mark.parametrize(
    ("role", "may"),
    [("read", False), ("triage", False), ("write", True), ("maintain", True), ("admin", True)],
)
def test_who_may_write_is_told_by_their_role(
    server: GitHubServer, reader: PullRequestReader, role: str, may: bool
) -> None:
    server.hub.settings.roles["a/b"] = role

    assert reader.may_write("a/b") is may


def test_when_a_branch_came_to_its_commit_is_what_the_server_saw(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    head = reader.pull_request(proposed(server).number).head

    pushed = reader.pushed(head)

    # The commit itself claims to be older.
    assert pushed is not None
    assert datetime.now(UTC) - pushed < timedelta(minutes=1)
    assert reader.pushed(Tip(ref=BRANCH, sha="0" * 40)) is None
    assert reader.pushed(Tip(ref="elsewhere", sha=head.sha)) is None


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("pulls/1", "pull-requests: read"),
        ("pulls/1/files", "pull-requests: read"),
        ("pulls/1/reviews", "pull-requests: read"),
        ("commits/.*/check-runs", "checks: read"),
        ("issues/1/events", "issues: read"),
        ("collaborators/ann/permission", "metadata: read"),
        ("activity", "contents: read"),
    ],
)
@pytest.mark.parametrize("status", [403, 404])
def test_what_the_token_may_not_see_names_the_permission_it_lacks(
    server: GitHubServer, reader: PullRequestReader, path: str, permission: str, status: int
) -> None:
    proposed(server)
    message = "Resource not accessible by integration"
    server.faults.add(Fault(f"GET .*/{path}", status=status, message=message))

    with pytest.raises(GitHubError, match=message) as error:
        read_all(reader)

    assert error.value.hint is not None
    assert f"{{{permission}}}" in error.value.hint


@pytest.mark.parametrize(
    ("ruled", "classic"),
    [
        (Guard(checks=("gate", "review"), app=15368), None),
        (None, Guard(checks=("gate", "review"), app=15368)),
        (Guard(checks=("gate",), app=15368), Guard(checks=("review",), app=15368)),
    ],
    ids=["ruleset", "classic protection", "both"],
)
def test_the_checks_that_a_branch_requires_are_told_to_who_may_read(
    server: GitHubServer, reader: PullRequestReader, ruled: Guard | None, classic: Guard | None
) -> None:
    server.hub.settings.ruleset, server.hub.settings.classic = ruled, classic

    found = reader.required_checks("main")

    both = (RequiredCheck(name=name, app=15368) for name in ("gate", "review"))
    assert found == frozenset(both)


def test_a_branch_that_nothing_protects_requires_no_check(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    server.hub.settings.ruleset = Guard(approvals=1)
    tip = server.repository.branches()["main"]
    server.repository.keep("refs/heads/release/1", tip)

    assert reader.required_checks("release/1") == frozenset()


def test_rules_of_other_kinds_and_of_many_pages_are_read_for_their_checks(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    rules = [
        {"type": "deletion"},
        {"type": "pull_request", "parameters": {"required_approving_review_count": 1}},
        {
            "type": "required_status_checks",
            "parameters": {"required_status_checks": [{"context": "gate"}]},
        },
    ]
    onward = f'<{server.api_url}/repos/example/app/rules/branches/main?page=2>; rel="next"'
    for body, headers in ((rules[:2], {"Link": onward}), (rules[2:], {})):
        answer = json.dumps(body).encode()
        server.faults.add(Fault("GET .*/rules/.*", status=200, body=answer, headers=headers))

    assert reader.required_checks("main") == frozenset({RequiredCheck(name="gate")})


@pytest.mark.parametrize("path", ["rules/branches/main", "branches/main"])
@pytest.mark.parametrize("status", [403, 404])
def test_rules_that_are_not_shown_are_not_known(
    server: GitHubServer, reader: PullRequestReader, path: str, status: int
) -> None:
    server.faults.add(Fault(f"GET .*/{path}", status=status))

    assert reader.required_checks("main") is None


def test_rules_that_could_not_be_asked_for_are_an_error(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    server.faults.add(Fault("GET .*/rules/.*", status=400))

    with pytest.raises(GitHubError, match="status 400"):
        reader.required_checks("main")


def read_all(reader: PullRequestReader) -> None:
    pull = reader.pull_request(1)
    reader.paths(pull)
    reader.reviews(1)
    reader.check_runs(pull.head.sha, name="engine-gate")
    reader.events(1)
    reader.may_write("ann")
    reader.pushed(pull.head)


def test_a_token_that_is_wrong_is_said_to_be_so(
    server: GitHubServer, reader: PullRequestReader
) -> None:
    server.hub.tokens = {}

    with pytest.raises(GitHubError) as error:
        reader.pull_request(1)

    assert error.value.hint == NOT_LOGGED_IN
