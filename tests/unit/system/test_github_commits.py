"""Commits that GitHub makes, on the embedded server."""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import GitHubError
from engine_ci.system import github_commits
from engine_ci.system.git import Repository
from engine_ci.system.git_change import Entry
from engine_ci.system.github_commits import Commits
from fixtures.github import Fault, GitHubServer, Login, documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOT, PERSON, READER = (secrets.token_hex(20) for _ in range(3))
MESSAGE = "Bump\n\nWhy: ü\n\nEngine-CI-Tree: 1"
NEW = (Entry(path="pin", mode="100644", text="2\r\n"), Entry(path="old", mode="100644", text=None))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    seed = tmp_path / "seed"
    seed.mkdir()
    for name in ("pin", "old", "other"):
        (seed / name).write_text("1\n")
    tokens = {
        BOT: Login("our-app[bot]", write=True),
        PERSON: Login("ann", write=True),
        READER: Login("reader"),
    }
    with GitHubServer.start(tmp_path / "hub", tokens=tokens, seed=seed) as running:
        yield running
    assert [record for record in running.requests if record.problem] == []


@pytest.fixture
def bare(server: GitHubServer) -> Repository:
    return Repository(path=server.repository.path)


def create(server: GitHubServer, *, token: str = BOT, tree: str | None = None) -> str:
    commits = Commits(
        api_url=server.api_url, repository="example/app", token=token, write_pause_s=0.0
    )
    base = server.repository.branches()["main"]
    expected = {"pin": "2\r\n", "other": "1\n"}
    with closing(commits):
        return commits.create(
            NEW, tree=tree or _tree(server, expected), parent=base, message=MESSAGE
        )


def _tree(server: GitHubServer, files: dict[str, str]) -> str:
    """The tree of these files, made by git."""
    bare = Repository(path=server.repository.path)
    return bare.write_tree(files, base="4b825dc642cb6eb9a060e54bf8d69288fbee4904")


def test_an_apps_commit_is_by_the_app_signed_and_signed_off(
    server: GitHubServer, bare: Repository
) -> None:
    main = server.repository.branches()["main"]

    made = create(server)

    (commit,) = bare.commits(base=main, tip=made)
    author = documents.author("our-app[bot]")
    assert (commit.author, commit.committer) == (author, github_commits.SIGNER)
    assert commit.parents == (main,)
    assert commit.message == f"{MESSAGE}\nSigned-off-by: {author}\n"
    assert commit.trailer("Signed-off-by") == author
    assert commit.trailer("Engine-CI-Tree") == "1"
    assert [bare.read(name, at=made) for name in ("pin", "old", "other")] == ["2\r\n", None, "1\n"]
    assert server.repository.branches() == {"main": main}


def test_a_persons_token_makes_a_commit_of_that_person(
    server: GitHubServer, bare: Repository
) -> None:
    made = create(server, token=PERSON)

    (commit,) = bare.commits(base="main", tip=made)
    assert commit.author == commit.committer == documents.author("ann")
    assert commit.trailer("Signed-off-by") == documents.author("ann")


def test_who_may_not_write_is_told_which_right_is_missing(server: GitHubServer) -> None:
    with pytest.raises(GitHubError, match="making a commit: GitHub answered 403") as caught:
        create(server, token=READER)

    assert "contents: write" in str(caught.value.hint)


def test_another_tree_than_was_meant_is_no_commit(server: GitHubServer) -> None:
    meant = _tree(server, {"pin": "3\n"})

    with pytest.raises(GitHubError, match=f"expected the tree {meant}, found "):
        create(server, tree=meant)
    posted = [request.path for request in server.requests if request.method == "POST"]
    assert posted == ["/repos/example/app/git/trees"]


@pytest.mark.parametrize("answer", [{}, {"author": None}], ids=["nothing", "nobody"])
def test_an_answer_that_names_no_author_is_no_answer(
    server: GitHubServer, answer: dict[str, object]
) -> None:
    server.faults.add(Fault("POST .*/git/commits", status=201, body=json.dumps(answer).encode()))

    with pytest.raises(GitHubError, match="the answer is not what was asked for"):
        create(server)
