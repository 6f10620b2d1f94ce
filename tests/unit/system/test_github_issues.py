from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import GitHubError
from engine_ci.system.git import Identity, Repository
from engine_ci.system.github_issues import LABEL, Issue, Issues
from fixtures.github import Fault, GitHubServer
from tests.unit.system import strange
from tests.unit.system.hub import READ, WRITE, asked, server

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]  # a fixture
LIST = "GET /repos/example/app/issues"
CREATE = "POST /repos/example/app/issues"


@pytest.fixture
def issues(server: GitHubServer) -> Iterator[Issues]:
    made = connect(server)
    yield made
    made.close()


def connect(server: GitHubServer, token: str = WRITE) -> Issues:
    return Issues(api_url=server.api_url, repository="example/app", token=token, write_pause_s=0.0)


def test_an_issue_is_opened_with_our_label_and_found_again_with_one_request(
    issues: Issues, server: GitHubServer
) -> None:
    made = issues.create(title="stuck", body="why\r\n")

    assert made == Issue(
        number=1,
        url=f"{server.api_url}/example/app/issues/1",
        title="stuck",
        body="why\n",
        closed=None,
    )
    assert issues.all() == (made,)
    assert asked(server) == [CREATE, LIST]


def test_closed_ones_are_listed_too_and_those_of_others_are_not(
    issues: Issues, server: GitHubServer
) -> None:
    server.hub.open_issue(author="a person", title="other", body=None, labels=["bug"])
    issues.create(title="stuck", body="why")
    issues.end(2)

    (found,) = issues.all()

    assert found.number == 2
    assert found.closed is not None


def test_a_pull_request_with_our_label_is_no_issue(issues: Issues, server: GitHubServer) -> None:
    bare, base = Repository(path=server.repository.path), server.repository.branches()["main"]
    tree = bare.write_tree({"new.txt": "new\n"}, base=base)
    by, at = Identity(name="A Person", email="person@example.invalid"), datetime.now(UTC)
    commit = bare.commit_tree(tree, parent=base, message="New\n", identity=by, at=at)
    server.repository.keep("refs/heads/topic", commit)
    pull = server.hub.open_pull(
        author="a person", title="t", body=None, head="topic", base="main", draft=False
    )
    server.hub.add_labels(pull, [LABEL], actor="a person")

    assert issues.all() == ()


def test_words_change_and_what_was_closed_is_open_again(
    issues: Issues, server: GitHubServer
) -> None:
    issues.create(title="stuck", body="why")
    issues.end(1)

    issues.edit(1, title="still stuck", body="because")

    (found,) = issues.all()
    assert (found.title, found.body, found.closed) == ("still stuck", "because", None)
    assert [label.name for label in server.hub.issues[0].labels] == [LABEL]


def test_a_comment_is_not_said_twice(issues: Issues, server: GitHubServer) -> None:
    issues.create(title="stuck", body="why")

    for text in ("first", "second", "second", "first"):
        issues.comment(1, text)

    assert [comment.body for comment in server.hub.comments] == ["first", "second", "first"]


def test_an_answer_that_got_lost_opens_no_second_one(issues: Issues, server: GitHubServer) -> None:
    server.faults.add(Fault(CREATE, late=True))

    assert issues.create(title="stuck", body="why").number == 1
    assert asked(server) == [CREATE, LIST]
    assert len(server.hub.issues) == 1


def test_a_request_that_was_not_heard_is_not_repeated_blindly(
    issues: Issues, server: GitHubServer
) -> None:
    issues.create(title="stuck", body="of another pin")
    server.faults.add(Fault(CREATE, status=None))

    with pytest.raises(GitHubError, match="opening an issue: no answer from GitHub"):
        issues.create(title="stuck", body="why")
    assert asked(server) == [CREATE, CREATE, LIST]
    assert len(server.hub.issues) == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_comment_whose_answer_got_lost_is_said_once_in_two_runs(
    issues: Issues, server: GitHubServer, *, late: bool
) -> None:
    issues.create(title="stuck", body="why")
    server.faults.add(Fault("POST .*/comments", late=late))

    with pytest.raises(GitHubError, match="commenting on issue #1"):
        issues.comment(1, "closed")
    issues.comment(1, "closed")

    assert [comment.body for comment in server.hub.comments] == ["closed"]


def test_a_listing_that_fails_in_passing_is_survived(issues: Issues, server: GitHubServer) -> None:
    server.faults.add(Fault(LIST))

    assert issues.all() == ()
    assert asked(server) == [LIST, LIST]


def test_a_token_that_may_not_write_issues_is_told_what_it_lacks(server: GitHubServer) -> None:
    issues = connect(server, READ)

    with pytest.raises(GitHubError, match="answered 403") as caught:
        issues.create(title="stuck", body="why")
    assert "issues: write" in str(caught.value.hint)
    issues.close()


@pytest.mark.parametrize("kind", strange.KINDS)
def test_an_answer_that_is_none_is_taken_for_no_issue(
    issues: Issues, server: GitHubServer, kind: str
) -> None:
    server.faults.add(strange.fault(kind, LIST))
    server.faults.add(strange.fault(kind, CREATE))

    with pytest.raises(GitHubError, match=r"listing issues: .* is not what was asked for: "):
        issues.all()
    with pytest.raises(GitHubError, match=r"opening an issue: .* is not what was asked for: "):
        issues.create(title="stuck", body="why")
    assert issues.all() == ()


@pytest.mark.parametrize("status", [403, 429])
def test_a_write_that_meets_a_limit_is_not_repeated_blindly(
    issues: Issues, server: GitHubServer, status: int
) -> None:
    said = "You have exceeded a secondary rate limit"
    fault = Fault(CREATE, status=status, headers={"Retry-After": "1"}, message=said)
    server.faults.add(fault)

    with pytest.raises(GitHubError, match=f"answered {status}: {said}"):
        issues.create(title="stuck", body="why")
    assert asked(server) == [CREATE, LIST]
