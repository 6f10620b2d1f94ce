"""Who makes the commit of `propose --open`: GitHub, or git where the configuration says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.errors import Exit
from engine_ci.system.git import Repository
from engine_ci.system.github_commits import SIGNER
from tests.integration.proposals import BRANCH
from tests.unit.cli.test_confirm import left, opened

if TYPE_CHECKING:
    from engine_ci.system.git import Commit
    from fixtures.github import GitHubServer
    from tests.unit.cli.command import CommandLine

__all__ = ["left"]  # the fixture: a release that is chosen, prepared and gated


def proposed(server: GitHubServer) -> Commit:
    """The commit of the pull request."""
    tips = server.repository.branches()
    bare = Repository(path=server.repository.path)
    (commit,) = bare.commits(base=tips["main"], tip=tips[BRANCH])
    return commit


def by_git() -> None:
    config = Path("engine-ci.yaml")
    before = config.read_text()
    assert "pull_request: {" in before
    config.write_text(before.replace("pull_request: {", "pull_request: {commit: git, "))


def test_github_makes_it_and_git_needs_no_name(
    run: CommandLine, left: GitHubServer, home: Path
) -> None:
    (home / ".gitconfig").unlink()

    ran = opened(run, left)

    assert ran.status == Exit.OK, ran.err
    commit = proposed(left)
    assert commit.committer == SIGNER
    assert commit.trailer("Signed-off-by") == commit.author


def test_git_makes_it_where_it_is_asked_to(run: CommandLine, left: GitHubServer) -> None:
    by_git()

    ran = opened(run, left)

    assert ran.status == Exit.OK, ran.err
    assert proposed(left).committer == "App Bot <bot@example.invalid>"
    assert not [each for each in left.requests if "/git/" in each.path]


def test_git_has_to_have_a_name_then(run: CommandLine, left: GitHubServer, home: Path) -> None:
    by_git()
    (home / ".gitconfig").unlink()

    ran = opened(run, left)

    assert ran.status == Exit.USAGE
    assert "git config user.name" in ran.err
    assert set(left.repository.branches()) == {"main"}
