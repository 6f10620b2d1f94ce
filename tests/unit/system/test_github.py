from __future__ import annotations

import logging
import secrets
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from urllib3.util import retry

from engine_ci.errors import NO_ANSWER, GitHubError
from engine_ci.system import github_connection
from engine_ci.system.git import Identity, Repository
from engine_ci.system.github import Hub, PullRequest
from fixtures.github import Fault, GitHubServer, Login
from tests.unit.system import strange
from tests.unit.system.hub import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRITE, READ = secrets.token_hex(20), secrets.token_hex(20)
BRANCH = "engine-ci/llama.cpp"
LIST = "GET /repos/example/app/pulls"
CREATE = "POST /repos/example/app/pulls"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    """An app's repository with a branch that is one commit ahead."""
    tokens = {WRITE: Login("engine-ci[bot]", write=True), READ: Login("reader")}
    with GitHubServer.start(tmp_path, tokens=tokens, collaborators=["maintainer"]) as running:
        bare = Repository(path=running.repository.path)
        base = running.repository.branches()["main"]
        commit = bare.commit_tree(
            bare.write_tree({"new.txt": "new\n"}, base=base),
            parent=base,
            message="New\n",
            identity=Identity(name="App Bot", email="bot@example.invalid"),
            at=datetime(2026, 11, 21, tzinfo=UTC),
        )
        running.repository.keep(f"refs/heads/{BRANCH}", commit)
        yield running


@pytest.fixture
def connect(server: GitHubServer) -> Iterator[Callable[[str], Hub]]:
    opened: list[Hub] = []

    def hub(token: str) -> Hub:
        opened.append(
            Hub(api_url=server.api_url, repository="example/app", token=token, write_pause_s=0.0)
        )
        return opened[-1]

    yield hub
    for each in opened:
        each.close()


@pytest.fixture
def hub(connect: Callable[[str], Hub]) -> Hub:
    return connect(WRITE)


def opened(hub: Hub, *, title: str = "Bump", draft: bool = False) -> PullRequest:
    return hub.create(branch=BRANCH, base="main", title=title, body="words", draft=draft)


def close(server: GitHubServer, number: int) -> None:
    pull = server.hub.pull(number)
    pull.closed = pull.updated


def test_a_pull_request_is_opened_and_found_again(hub: Hub, server: GitHubServer) -> None:
    assert hub.pull_requests(BRANCH) == ()

    made = opened(hub, draft=True)

    assert hub.pull_requests(BRANCH) == (made,)
    assert hub.pull_request(made.number) == made
    assert made == PullRequest(
        number=1,
        url=f"{server.api_url}/example/app/pull/1",
        title="Bump",
        body="words",
        open=True,
        merged=False,
        draft=True,
        labels=(),
        created=server.hub.pull(1).created,
        closed=None,
    )


def test_closed_ones_are_found_too_and_the_newest_comes_first(
    hub: Hub, server: GitHubServer
) -> None:
    opened(hub, title="first")
    close(server, 1)
    opened(hub, title="second")

    found = [(pull.title, pull.open) for pull in hub.pull_requests(BRANCH)]

    assert found == [("second", True), ("first", False)]


def test_another_branch_has_none(hub: Hub) -> None:
    opened(hub)

    assert hub.pull_requests("engine-ci/other") == ()


def test_a_merged_one_is_told_from_one_that_was_closed(hub: Hub, server: GitHubServer) -> None:
    opened(hub)
    pull = server.hub.pull(1)
    pull.merged = pull.closed = pull.updated

    (found,) = hub.pull_requests(BRANCH)

    assert (found.open, found.merged) == (False, True)


def test_line_ends_and_a_missing_body_are_read_as_we_write_them(
    hub: Hub, server: GitHubServer
) -> None:
    opened(hub)
    pull = server.hub.pull(1)

    pull.body = "a\r\nb"
    assert [found.body for found in hub.pull_requests(BRANCH)] == ["a\nb"]
    pull.body = None
    assert [found.body for found in hub.pull_requests(BRANCH)] == [""]


def test_a_label_is_taken_off_and_the_others_stay(hub: Hub) -> None:
    opened(hub)
    hub.add_labels(1, ["engine-bump", "engine-blocked"])

    hub.remove_label(1, "engine-blocked")

    (found,) = hub.pull_requests(BRANCH)
    assert found.labels == ("engine-bump",)


def test_a_label_whose_removal_got_no_answer_can_be_taken_off_again(
    hub: Hub, server: GitHubServer
) -> None:
    opened(hub)
    hub.add_labels(1, ["engine-blocked"])
    server.faults.add(Fault("DELETE .*/labels/engine-blocked", late=True))

    with pytest.raises(GitHubError, match="taking the label engine-blocked off pull request #1"):
        hub.remove_label(1, "engine-blocked")
    hub.remove_label(1, "engine-blocked")

    assert hub.pull_requests(BRANCH)[0].labels == ()


def test_a_label_that_is_not_there_is_off_already(hub: Hub) -> None:
    opened(hub)

    hub.remove_label(1, "engine-blocked")

    assert hub.pull_requests(BRANCH)[0].labels == ()


def test_a_label_that_may_not_be_taken_off_is_an_error(
    hub: Hub, connect: Callable[[str], Hub]
) -> None:
    opened(hub)
    hub.add_labels(1, ["engine-blocked"])

    with pytest.raises(GitHubError, match="taking the label engine-blocked off pull request #1"):
        connect(READ).remove_label(1, "engine-blocked")


def test_words_labels_and_reviewers_are_changed(hub: Hub, server: GitHubServer) -> None:
    opened(hub)

    hub.edit(1, title="Bump again", body="other words")
    hub.add_labels(1, ["engine-bump", "ci"])
    hub.request_reviewers(1, ["maintainer"])

    (found,) = hub.pull_requests(BRANCH)
    assert (found.title, found.body) == ("Bump again", "other words")
    assert found.labels == ("engine-bump", "ci")
    assert server.hub.pull(1).reviewers == ["maintainer"]


def test_a_failure_in_passing_is_survived(hub: Hub, server: GitHubServer) -> None:
    server.faults.add(Fault(LIST))

    assert hub.pull_requests(BRANCH) == ()
    assert asked(server) == [LIST, LIST]


def test_an_answer_that_got_lost_opens_no_second_one(hub: Hub, server: GitHubServer) -> None:
    server.faults.add(Fault(CREATE, late=True))

    assert opened(hub).number == 1
    assert asked(server) == [CREATE, CREATE, LIST]
    assert len(server.hub.pulls) == 1


def test_a_refusal_with_nothing_open_is_told(hub: Hub) -> None:
    with pytest.raises(GitHubError, match=r"opening a pull request.* answered 422: .*invalid"):
        hub.create(branch="missing", base="main", title="Bump", body="", draft=False)


@pytest.mark.parametrize(
    ("token", "status", "hint"),
    [
        (secrets.token_hex(20), 401, "check the token"),
        (READ, 403, "Allow GitHub Actions to create and approve pull requests"),
    ],
    ids=["a wrong token", "a token that may only read"],
)
def test_a_token_that_is_refused_is_named_by_its_rights_and_not_shown(
    connect: Callable[[str], Hub],
    caplog: pytest.LogCaptureFixture,
    token: str,
    status: int,
    hint: str,
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(GitHubError, match=f"answered {status}") as caught:
        opened(connect(token))
    assert hint in str(caught.value.hint)
    assert token not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"
    assert token not in caplog.text
    assert not [each for each in caplog.records if each.name.startswith("github")]


@pytest.mark.parametrize(
    ("status", "message"),
    [(429, "Too many requests"), (403, "You have exceeded a secondary rate limit.")],
)
def test_a_limit_that_lasts_longer_than_anybody_waits_ends_it_at_once(
    hub: Hub, server: GitHubServer, status: int, message: str
) -> None:
    server.faults.add(Fault(CREATE, status=status, headers={"Retry-After": "121"}, message=message))

    with pytest.raises(GitHubError, match="a rate limit, and to try again in 121 s") as caught:
        opened(hub)
    assert caught.value.hint == "GitHub takes no more requests for now; the next run goes on"
    assert asked(server) == [CREATE]


def test_a_limit_that_names_no_time_is_told_as_one(hub: Hub, server: GitHubServer) -> None:
    server.faults.add(Fault(CREATE, status=429, message="Too many requests"))

    with pytest.raises(GitHubError, match="answered 429: Too many requests") as caught:
        opened(hub)
    assert caught.value.hint == "GitHub takes no more requests for now; the next run goes on"


def test_a_server_that_stays_in_trouble_is_told_by_its_last_answer(
    hub: Hub, server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry.Retry, "sleep", lambda *_: None)
    server.faults.add(Fault("PATCH .*", count=4))
    opened(hub)

    with pytest.raises(GitHubError, match="editing pull request #1: GitHub answered 502") as caught:
        hub.edit(1, title="t", body="b")
    assert caught.value.status == 502


def test_a_repository_that_is_not_there_is_named(server: GitHubServer) -> None:
    hub = Hub(api_url=server.api_url, repository="example/none", token=WRITE)

    with pytest.raises(GitHubError, match=r"example/none: listing .* answered 404") as caught:
        hub.pull_requests(BRANCH)
    assert "owner/name" in str(caught.value.hint)
    hub.close()


def test_no_server_at_all_is_an_error_of_the_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_connection, "_RETRIES", 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hub = Hub(api_url=f"http://127.0.0.1:{port}", repository="example/app", token=WRITE)

    with pytest.raises(GitHubError, match="no answer from GitHub: ConnectionError") as caught:
        hub.pull_requests(BRANCH)
    assert caught.value.hint == NO_ANSWER
    hub.close()


def test_an_answer_that_says_nothing_is_told_as_such(hub: Hub, server: GitHubServer) -> None:
    server.faults.add(Fault(LIST, status=418, message=""))

    with pytest.raises(GitHubError, match="418: nothing readable"):
        hub.pull_requests(BRANCH)


@pytest.mark.parametrize("kind", strange.KINDS)
def test_an_answer_that_is_none_is_a_failure_of_the_outside(
    hub: Hub, server: GitHubServer, kind: str
) -> None:
    server.faults.add(strange.fault(kind, LIST))
    server.faults.add(strange.fault(kind, CREATE))

    with pytest.raises(GitHubError, match=r"listing .* is not what was asked for: ") as caught:
        hub.pull_requests(BRANCH)
    with pytest.raises(GitHubError, match=r"opening .* is not what was asked for: "):
        opened(hub)
    assert caught.value.exit_code == 4
    assert hub.pull_requests(BRANCH) == ()
    assert {request.path for request in server.requests} == {"/repos/example/app/pulls"}
